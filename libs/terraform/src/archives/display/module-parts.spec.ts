import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { ModulePart } from '../../model/terraform-fact.ts';
import { MAX_CONFIGURATION_BYTES, MAX_PARTS_CHARACTERS, MAX_README_BYTES, MAX_SHOWN_CHARACTERS, MAX_SHOWN_ITEMS } from '../archive-limits.ts';
import { byPath, type ModuleFile } from '../module/module-file.ts';
import { type ModuleParts, moduleParts } from './module-parts.ts';

async function partsOf(files: Readonly<Record<string, string | Buffer>>): Promise<ModuleParts> {
  const contents = Object.entries(files).map(([path, text]) => ({ path, bytes: Buffer.from(text as string) }));
  const listed = contents.map(({ path, bytes }): ModuleFile => ({ path, executable: false, content: { offset: 0, size: bytes.length, sha256: '' } }));
  return moduleParts(listed.sort(byPath), async (file, limit) => contents.find(({ path }) => path === file.path)?.bytes.subarray(0, limit) ?? Buffer.alloc(0));
}

async function rootOf(files: Readonly<Record<string, string | Buffer>>): Promise<ModulePart> {
  return (await partsOf(files)).root;
}

const EMPTY: ModulePart = { path: '', readme: '', inputs: [], outputs: [], providers: [], dependencies: [], resources: [] };

const NATIVE = `
terraform {
  required_version = ">= 1.0"
  required_providers {
    aws = {
      source  = "example/aws" # the one
      version = ">= 5.0"
      configuration_aliases = [aws.other]
    }
    random = "~> 3.0"
  }
}

variable "region" {
  type        = string
  description = "Where \\"it\\" runs"
}

variable "tags" {
  type = map(object({
    value = string
  }))
  default = {
    a = { value = "b" }
  }
  sensitive = true
}

variable "old" {
  type    = "list"
  default = null
}

output "id" {
  description = <<-EOT
    The id
      of it.
  EOT
  value     = aws_vpc.main.id
  sensitive = true
}

resource "aws_vpc" "main" {
  cidr_block = "10.0.0.0/16"
  lifecycle { ignore_changes = [tags] }
}

data "aws_region" "current" {}

module "network" {
  source  = "registry.example.com/acme/network/aws"
  version = "1.0.0"
}
`;

const JSON_FILE = {
  '//': 'a comment',
  terraform: [{ required_providers: { aws: { source: 'example/aws', version: '>= 5.0' }, random: '~> 3.0' } }],
  variable: { region: { type: 'string', description: 'Where' }, tags: [{ type: 'map(string)', default: { a: ['b'] }, sensitive: true }], bare: {}, nothing: { default: null } },
  output: [{ id: { value: '${aws_vpc.main.id}', description: 'The id', sensitive: 'true' } }],
  resource: { aws_vpc: { main: {} }, aws_subnet: [{ a: {}, b: {} }] },
  module: { network: { source: './network' } },
};

describe('moduleParts', () => {
  it('shows what native syntax declares', async () => {
    expect(await rootOf({ 'main.tf': NATIVE, 'README.md': '# It' })).toEqual({
      path: '',
      readme: '# It',
      inputs: [
        { name: 'region', type: 'string', description: 'Where "it" runs', default: null, sensitive: false },
        { name: 'tags', type: 'map(object({\n    value = string\n  }))', description: '', default: '{\n    a = { value = "b" }\n  }', sensitive: true },
        { name: 'old', type: 'list', description: '', default: 'null', sensitive: false },
      ],
      outputs: [{ name: 'id', description: 'The id\n  of it.', sensitive: true }],
      providers: [
        { name: 'aws', source: 'example/aws', version: '>= 5.0' },
        { name: 'random', source: '', version: '~> 3.0' },
      ],
      dependencies: [{ name: 'network', source: 'registry.example.com/acme/network/aws', version: '1.0.0' }],
      resources: [{ name: 'main', type: 'aws_vpc' }],
    });
  });

  it('shows the same whatever ends the lines', async () => {
    expect(await rootOf({ 'main.tf': NATIVE.replaceAll('\n', '\r\n') })).toEqual(await rootOf({ 'main.tf': NATIVE }));
    expect(await rootOf({ 'main.tofu': `\uFEFF${NATIVE}` })).toEqual(await rootOf({ 'main.tf': NATIVE }));
  });

  it('shows what JSON declares', async () => {
    expect(await rootOf({ 'main.tf.json': JSON.stringify(JSON_FILE) })).toEqual({
      path: '',
      readme: '',
      inputs: [
        { name: 'region', type: 'string', description: 'Where', default: null, sensitive: false },
        { name: 'tags', type: 'map(string)', description: '', default: '{\n  "a": [\n    "b"\n  ]\n}', sensitive: true },
        { name: 'bare', type: '', description: '', default: null, sensitive: false },
        { name: 'nothing', type: '', description: '', default: 'null', sensitive: false },
      ],
      outputs: [{ name: 'id', description: 'The id', sensitive: true }],
      providers: [
        { name: 'aws', source: 'example/aws', version: '>= 5.0' },
        { name: 'random', source: '', version: '~> 3.0' },
      ],
      dependencies: [{ name: 'network', source: './network', version: '' }],
      resources: [
        { name: 'main', type: 'aws_vpc' },
        { name: 'a', type: 'aws_subnet' },
        { name: 'b', type: 'aws_subnet' },
      ],
    });
  });

  it('shows the parts below modules, and of each only its own', async () => {
    const { root, submodules } = await partsOf({
      'a.tf': 'variable "a" {}',
      'modules/vpc/main.tf': 'variable "v" {}',
      'modules/vpc/readme.MD': 'vpc',
      'modules/vpc/deeper/x.tf': 'variable "no" {}',
      'modules/docs/README.md': 'no configuration',
      'modules/loose.tf': 'variable "no" {}',
      'examples/one/main.tf': 'variable "no" {}',
      'modules/db/main.tofu.json': '{"output":{"o":{}}}',
    });

    expect(root.inputs.map(({ name }) => name)).toEqual(['a']);
    expect(submodules.map(({ path, readme, inputs, outputs }) => [path, readme, inputs.length, outputs.length])).toEqual([
      ['modules/db', '', 0, 1],
      ['modules/vpc', 'vpc', 1, 0],
    ]);
  });

  it('takes the first of two of one name, in the order of the files', async () => {
    const { inputs } = await rootOf({ 'b.tf': 'variable "x" { type = number }', 'a.tf': 'variable "x" { type = string }\nvariable "y" {}' });

    expect(inputs.map(({ name, type }) => `${name} ${type}`)).toEqual(['x string', 'y ']);
  });

  it('passes over copies of editors, and what is not configuration', async () => {
    const variable = 'variable "no" {}';

    expect(await rootOf({ '.hidden.tf': variable, 'main.tf~': variable, '#main.tf#': variable, 'main.tfvars': variable, 'main.hcl': variable, '.tf': variable })).toEqual(EMPTY);
  });

  it.each([
    ['null', 'null'],
    ['a list', '[1, "a", null, [[]]]'],
    ['no JSON', '{"variable":'],
    ['wrong types', '{"variable":[1,{"a":2}],"output":"x","resource":{"t":{"n":1},"u":3},"terraform":[null,{"required_providers":[{"a":1}]}],"module":{"m":null}}'],
    ['what is nested deep', `{"variable":{"a":{"default":${'['.repeat(100_000)}${']'.repeat(100_000)}}}}`],
    ['names of the language', '{"variable":{"__proto__":{"type":"x"},"constructor":{}},"__proto__":{"variable":{"b":{}}}}'],
  ])('leaves out what cannot be read of JSON: %s', async (_case, text) => {
    expect(await rootOf({ 'a.tf.json': text, 'b.tf': 'variable "kept" {}' })).toMatchObject({ inputs: expect.arrayContaining([expect.objectContaining({ name: 'kept' })]) as unknown });
  });

  it('never throws for any text', async () => {
    const snippets = fc.constantFrom('variable "x" {', 'terraform {', 'required_providers {', '}', '\n', '= ', '"', '<<EOT\n', 'EOT', '${', '{', 'default', 'type', '[', ',', '{"variable":', 'null', '//', '/*', '\u0000');
    await fc.assert(
      fc.asyncProperty(fc.array(snippets, { maxLength: 40 }), fc.string({ unit: 'binary' }), async (parts, random) => {
        const parsed = await rootOf({ 'a.tf': parts.join(' '), 'b.tf': random, 'c.tf.json': parts.join(''), 'd.tf.json': random });
        expect(parsed.path).toBe('');
      }),
      { numRuns: 300 },
    );
    await fc.assert(fc.asyncProperty(fc.uint8Array(), async (bytes) => (await rootOf({ 'a.tf': Buffer.from(bytes), 'README.md': Buffer.from(bytes) })).path === ''));
    await fc.assert(fc.asyncProperty(fc.dictionary(fc.constantFrom('variable', 'output', 'resource', 'module', 'terraform'), fc.jsonValue()), async (value) => (await rootOf({ 'a.tf.json': JSON.stringify(value) })).path === ''));
  });

  it('cuts a README between two characters', async () => {
    const { readme } = await rootOf({ 'Readme.md': `${'x'.repeat(MAX_README_BYTES - 1)}é and more` });

    expect(readme).toBe('x'.repeat(MAX_README_BYTES - 1));
    expect((await rootOf({ 'README.md': 'é'.repeat(MAX_README_BYTES / 2) })).readme).toHaveLength(MAX_README_BYTES / 2);
  });

  it('leaves out what is too much', async () => {
    const many = Array.from({ length: MAX_SHOWN_ITEMS + 1 }, (_, index) => `variable "v${index}" {}\n`).join('');
    const long = `variable "long" {\n  default = "${'x'.repeat(MAX_SHOWN_CHARACTERS)}"\n}\n`;

    expect((await rootOf({ 'a.tf': many })).inputs).toHaveLength(MAX_SHOWN_ITEMS);
    expect((await rootOf({ 'a.tf': long })).inputs[0]?.default).toMatch(/^"x+…$/);
    expect(await rootOf({ 'a.tf': `${many}${' '.repeat(MAX_CONFIGURATION_BYTES)}` })).toEqual(EMPTY);
  });

  it('keeps to the size of a document, whatever the parts come to', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 30 }, (_, index) => [
        [`modules/m${String(index).padStart(2, '0')}/main.tf`, `variable "x" {}\n`],
        [`modules/m${String(index).padStart(2, '0')}/README.md`, 'r'.repeat(MAX_README_BYTES)],
      ]).flat(),
    ) as Record<string, string>;

    const { root, submodules } = await partsOf(files);

    expect(JSON.stringify([root, submodules]).length).toBeLessThan(MAX_PARTS_CHARACTERS + 100_000);
    expect(submodules).toHaveLength(30);
    expect(submodules.every(({ inputs }) => inputs.length === 1)).toBe(true);
    expect([submodules[0]?.readme.length, submodules[29]?.readme.length]).toEqual([MAX_README_BYTES, 0]);
  });
});
