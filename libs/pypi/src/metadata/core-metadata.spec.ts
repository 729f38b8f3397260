import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { parseCoreMetadata } from './core-metadata.ts';

const METADATA = `Metadata-Version: 2.4
Name: Foo.Bar
Version: 1.0.0
Summary:   a summary\u0020
  that is folded
Classifier: A :: B
CLASSIFIER: C :: D
Requires-Dist: x; extra == "y"
Empty:

# Foo: a title

Name: not-a-field
`;

function parse(text: string, encoding: BufferEncoding = 'utf8'): ReturnType<typeof parseCoreMetadata> {
  return parseCoreMetadata(Buffer.from(text, encoding));
}

describe('parseCoreMetadata', () => {
  it('reads fields and body', () => {
    const metadata = parse(METADATA);

    expect(metadata).toMatchObject({ metadataVersion: '2.4', name: 'Foo.Bar', version: '1.0.0', description: '# Foo: a title\n\nName: not-a-field\n' });
    expect(Object.fromEntries(metadata.fields)).toEqual({
      'metadata-version': ['2.4'],
      name: ['Foo.Bar'],
      version: ['1.0.0'],
      summary: ['a summary\n  that is folded'],
      classifier: ['A :: B', 'C :: D'],
      'requires-dist': ['x; extra == "y"'],
      empty: [''],
    });
  });

  it.each([
    ['\r\n', 'CRLF'],
    ['\r', 'CR'],
  ])('takes lines that end in %j', (end) => {
    const metadata = parse(METADATA.replaceAll('\n', end));

    expect(metadata.fields).toEqual(parse(METADATA).fields);
    expect(metadata.description).toBe(['# Foo: a title', '', 'Name: not-a-field', ''].join(end));
  });

  it.each([
    ['Name: f\u00e9\n\n\u00fc', 'utf8', 'f\u00e9', '\u00fc'],
    ['\ufeffName: f\n\nx', 'utf8', 'f', 'x'],
    ['Name: f\u00e9\n\n\u00fc', 'latin1', 'f\u00e9', '\u00fc'],
  ] as const)('reads %j in %s', (text, encoding, name, description) => {
    expect(parse(text, encoding)).toMatchObject({ name, description });
  });

  it('begins the body where a line is no field', () => {
    const metadata = parse('Name: f\nSummary: a\nsummary that is not folded\nVersion: 1\n');

    expect(metadata).toMatchObject({ name: 'f', version: null, description: 'summary that is not folded\nVersion: 1\n' });
  });

  it.each([
    ['Description: a\n        b\n        \n          c\n        d\n', 'a\nb\n\n  c\nd'],
    ['Description: a\n       |b\n       |\n       |  c\n', 'a\nb\n\n  c'],
    ['Description: a\n  b\n    c\n', 'a\nb\n  c'],
    ['Description: a\n\tb\n\n', 'a\nb'],
    ['Description: a\n\nbody', 'body'],
    ['Name: a\n\n \n', null],
  ])('takes the description of %j', (text, expected) => {
    expect(parse(text).description).toBe(expected);
  });

  it('takes the first of several values that says something', () => {
    expect(parse('Version:\nVersion: 1\nVersion: 2\n').version).toBe('1');
  });

  it('knows nothing of nothing', () => {
    expect(parse('')).toEqual({ metadataVersion: null, name: null, version: null, fields: new Map(), description: null });
    expect(parse('  folded nothing\n__proto__: x\n').fields.get('__proto__')).toEqual(['x']);
  });

  it.each(['a'.repeat(2_000_000), ' \n'.repeat(500_000), `a: b\n${' c\n'.repeat(300_000)}`, `a:${' '.repeat(2_000_000)}b\n`, 'a:\n'.repeat(300_000)])('is quick with what is hostile (case %#)', (text) => {
    const started = performance.now();

    parse(text);

    expect(performance.now() - started).toBeLessThan(3_000);
  });

  it('never throws, and reads what is written', () => {
    const line = fc.stringMatching(/^[!-~]([ -~]{0,10}[!-~])?$/);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void parseCoreMetadata(bytes)));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.stringMatching(/^[a-z][a-z-]{0,5}$/), line), { minLength: 1 }), fc.string(), (fields, body) => {
        const metadata = parse(`${fields.map(([field, value]) => `${field}: ${value}\n`).join('')}\n${body}`);

        expect([...metadata.fields].flatMap(([field, values]) => values.map((value) => `${field}: ${value}`)).sort()).toEqual(fields.map(([field, value]) => `${field}: ${value}`).sort());
      }),
    );
  });
});
