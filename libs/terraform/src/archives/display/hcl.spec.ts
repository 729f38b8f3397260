import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { objectOf, readHcl } from './hcl-body.ts';
import { literalOf } from './hcl-literal.ts';
import { HclTokens } from './hcl-tokens.ts';

/** Type, labels and attributes of every block. */
function blocksOf(text: string): unknown[] {
  return readHcl(text).blocks.map(({ type, labels, body }) => [type, ...labels, Object.fromEntries(body.attributes)]);
}

function kindsOf(text: string): string {
  const tokens = new HclTokens(text);
  const kinds: string[] = [];
  for (let token = tokens.next(); token.kind !== 'end'; token = tokens.next()) {
    kinds.push(`${token.kind}:${text.slice(token.start, token.end)}`);
  }
  return kinds.join(' ');
}

describe('HclTokens', () => {
  it.each([
    ['a = 1', 'word:a other:= word:1'],
    ['a # b\n// c\n/* d\n */ e', 'word:a newline:\n newline:\n word:e'],
    ['"a" "b\\"c" "\\\\"', 'string:"a" string:"b\\"c" string:"\\\\"'],
    ['"${a}" "${ {b = "}"} }" x', 'string:"${a}" string:"${ {b = "}"} }" word:x'],
    ['"$${" x', 'string:"$${" word:x'],
    ['"%{ if a }b%{ endif }" x', 'string:"%{ if a }b%{ endif }" word:x'],
    ['"$$x" "100%" y', 'string:"$$x" string:"100%" word:y'],
    ['"${join(",", [\n"a",\n])}" x', 'string:"${join(",", [\n"a",\n])}" word:x'],
    ['"broken\nx', 'string:"broken newline:\n word:x'],
    ['"broken\\\nx', 'string:"broken\\ newline:\n word:x'],
    ['"${broken\nx', 'string:"${broken newline:\n word:x'],
    ['<<EOT\n a "b\nEOT\nx', 'heredoc:<<EOT\n a "b\nEOT newline:\n word:x'],
    ['<<-E-1\n  a\n  E-1\n', 'heredoc:<<-E-1\n  a\n  E-1 newline:\n'],
    ['<<EOT\na', 'heredoc:<<EOT\na'],
    ['a << b <c', 'word:a other:< other:< word:b other:< word:c'],
    ['größe_1.x-y', 'word:größe_1.x-y'],
    ['({[]})', 'open:( open:{ open:[ close:] close:} close:)'],
    ['/* never', ''],
  ])('takes %j apart', (text, expected) => {
    expect(kindsOf(text)).toBe(expected);
  });

  it('comes to the end of every text, and loses nothing but blanks and comments', () => {
    const pieces = fc.constantFrom('"', '\\', '$', '%', '{', '}', '[', '<', '<<A\n', '<<-', 'A', '\n', '#', '/', '*', '/*', '*/', ' ', '=', 'é', '\u{1F600}', '${', '%%{');
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
        const text = parts.join('');
        const tokens = new HclTokens(text);
        let end = 0;
        for (let token = tokens.next(); token.kind !== 'end'; token = tokens.next()) {
          expect(token.start).toBeGreaterThanOrEqual(end);
          expect(token.end).toBeGreaterThan(token.start);
          expect(token.end).toBeLessThanOrEqual(text.length);
          end = token.end;
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('readHcl', () => {
  it.each<[string, string, unknown[]]>([
    ['a block', 'variable "a" {\n  type = string # c\n  default = 1\n}\n', [['variable', 'a', { type: 'string', default: '1' }]]],
    ['a block on one line', 'variable "a" { type = string }\nvariable "b" {}', [['variable', 'a', { type: 'string' }], ['variable', 'b', {}]]],
    ['labels without quotes', 'resource aws_vpc main {\n}', [['resource', 'aws_vpc', 'main', {}]]],
    ['expressions of many lines', 'a "b" {\n  c = object({\n    d = string # e }\n  })\n  f = [\n    1,\n  ]\n}', [['a', 'b', { c: 'object({\n    d = string # e }\n  })', f: '[\n    1,\n  ]' }]]],
    ['nested blocks', 'variable "a" {\n  validation {\n    condition = var.a != "}"\n    error_message = "x"\n  }\n  type = any\n}', [['variable', 'a', { type: 'any' }]]],
    ['a heredoc', 'output "a" {\n  description = <<EOT\n}\n"\nEOT\n  value = 1\n}', [['output', 'a', { description: '<<EOT\n}\n"\nEOT', value: '1' }]]],
    ['an attribute twice', 'a {\n  b = 1\n  b = 2\n}', [['a', { b: '1' }]]],
    ['braces within strings', 'a "b" {\n  c = "${d["}"]} {"\n}\ne {}', [['a', 'b', { c: '"${d["}"]} {"' }], ['e', {}]]],
    ['what is cut off within a block', 'a "b" {\n  c = 1\n  d = [1, 2', [['a', 'b', { c: '1' }]]],
    ['what is cut off within a label', 'a "b" {}\nc "d', [['a', 'b', {}]]],
    ['garbage between blocks', ')]}\n= = "x" ,\n<<<\na {}\n', [['a', {}]]],
    ['a broken line within a block', 'a {\n  b = 1\n  c d = 2\n  "e\n  f = 3\n}\ng {}', [['a', { b: '1', f: '3' }], ['g', {}]]],
    ['nothing', '', []],
  ])('reads %s', (_case, text, expected) => {
    expect(blocksOf(text)).toEqual(expected);
  });

  it('takes no longer than in proportion to the text, whatever that is', () => {
    const size = 2 ** 18;
    const hostile = ['{', '"', '"${', '"${\n', '"${/*\n', '"${"', '/*', '/*/', '<<A\n', '<<A', '<<A\nA\n', '#', '\\', '$$', 'a = {', 'a "b" {', 'a=(', '}\n', 'a ', '\n', '%{', 'é', '"\\\n', '<'];
    for (const piece of hostile) {
      const started = performance.now();
      readHcl(piece.repeat(Math.ceil(size / piece.length)));
      expect({ piece, slow: performance.now() - started > 5000 }).toEqual({ piece, slow: false });
    }
  });

  it('never throws, whatever is cut off where', () => {
    const text = 'terraform {\n  required_providers {\n    aws = { source = "a/b", version = "~> 1.0" }\n  }\n}\nvariable "x" {\n  default = <<-EOT\n    ${a["b"]}\n  EOT\n  description = "a \\" ${b}"\n}\n';
    for (let length = 0; length <= text.length; length += 1) {
      expect(Array.isArray(readHcl(text.slice(0, length)).blocks)).toBe(true);
    }
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (random) => Array.isArray(readHcl(random).blocks)));
  });
});

describe('objectOf', () => {
  it('reads an object, with either sign and either end', () => {
    const object = objectOf('{ source = "a/b", "version" : "1"\n configuration_aliases = [aws.x, aws.y] }');

    expect(Object.fromEntries(object?.attributes ?? [])).toEqual({ source: '"a/b"', version: '"1"', configuration_aliases: '[aws.x, aws.y]' });
    expect(objectOf('"~> 1.0"')).toBeNull();
  });
});

describe('literalOf', () => {
  it.each<[string, string | null]>([
    ['"plain"', 'plain'],
    ['""', ''],
    [String.raw`"a\nb\t\"c\" \\ \u00e9 \U0001F600 \q"`, 'a\nb\t"c" \\ é \u{1F600} q'],
    ['"$${a} %%{b}"', '${a} %{b}'],
    ['"${a}"', '${a}'],
    [String.raw`"\ud800"`, '\uFFFD'],
    [String.raw`"\UFFFFFFFF"`, '\uFFFD'],
    ['<<EOT\n  a\n b\nEOT', '  a\n b'],
    ['<<-EOT\n    a\n\n      b\n    EOT', 'a\n\n  b'],
    ['<<EOT\nEOT', ''],
    ['string', null],
    ['"a" + "b"', null],
    ['"', null],
    ['', null],
    ['"a', null],
  ])('reads %j', (expression, expected) => {
    expect(literalOf(expression)).toBe(expected);
  });

  it('reads back every text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const escaped = text.replaceAll(/["\\]/g, '\\$&').replaceAll('\n', '\\n').replaceAll(/([$%])\{/g, '$1$1{');
        // Of "$$${" nobody can say where the escape begins.
        fc.pre(!/([$%])\1\{/.test(text));
        expect(literalOf(`"${escaped}"`)).toBe(text);
      }),
    );
  });
});
