import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isProxyError } from '@oci-package-proxy/errors';

import { MAX_SUMS_BYTES } from './archive-limits.ts';
import { lenientSums, parseSums } from './sha256-sums.ts';

const A = 'a'.repeat(64);
const B = '0123456789abcdef'.repeat(4);
const ZIP = 'terraform-provider-demo_1.0.0_linux_amd64.zip';

function failure(text: string | Buffer): string {
  try {
    parseSums(Buffer.from(text as string));
    return 'none';
  } catch (error) {
    return isProxyError(error) ? `${error.code} ${error.message}` : `no proxy error: ${String(error)}`;
  }
}

describe('parseSums', () => {
  it.each<[string, string]>([
    ['with its last line ended', `${A}  ${ZIP}\n${B}  x_manifest.json\n`],
    ['with its last line not ended', `${A}  ${ZIP}\n${B}  x_manifest.json`],
    ['with lines that end in CR LF', `${A}  ${ZIP}\r\n${B}  x_manifest.json\r\n`],
    ['with upper-case digits', `${A.toUpperCase()}  ${ZIP}\n${B.toUpperCase()}  x_manifest.json\n`],
  ])('reads sums %s', (_case, text) => {
    expect([...parseSums(Buffer.from(text))]).toEqual([
      [ZIP, A],
      ['x_manifest.json', B],
    ]);
  });

  it.each<[string, string, RegExp]>([
    ['nothing', '', /^unprocessable SHA256SUMS is empty\./],
    ['a blank line at the end', `${A}  a\n\n`, /^unprocessable SHA256SUMS, line 2: it is blank, and terraform crashes/],
    ['a blank line at the start', `\n${A}  a\n`, /line 1: it is blank/],
    ['a blank line in the middle, with CR LF', `${A}  a\r\n\r\n${B}  b\r\n`, /line 2: it is blank/],
    ['a line of blanks', `${A}  a\n  \t\n`, /line 2: it is blank/],
    ['the mark of binary files', `${A}  a\n${B} *b\n`, /line 2: its file name has a \*/],
    ['the form of BSD', `SHA256 (a) = ${A}\n`, /line 1: it is in the form of BSD/],
    ['one space', `${A} a\n`, /line 1: it is not 64 hex digits, two spaces and a file name/],
    ['three spaces', `${A}   a\n`, /line 1: it is not 64 hex digits, two spaces/],
    ['a tab', `${A}\ta\n`, /line 1: it is not 64 hex digits, two spaces/],
    ['a name with a space', `${A}  a b\n`, /line 1: .*without spaces/],
    ['no name', `${A}\n`, /line 1: it names no file/],
    ['too few digits', `${A.slice(1)}  a\n`, /line 1: it does not begin with 64 hex digits/],
    ['other digits', `${'g'.repeat(64)}  a\n`, /line 1: it does not begin with 64 hex digits/],
    ['a byte order mark', `\uFEFF${A}  a\n`, /line 1: it does not begin with 64 hex digits/],
    ['HTML', '<html>\n', /line 1: it does not begin with 64 hex digits: <html>/],
    ['a name twice', `${A}  a\n${A}  a\n`, /line 2: a stands there for the second time/],
    ['a path', `${A}  ./a\n`, /line 1: \.\/a is not a plain file name/],
    ['a path of Windows', `${A}  dist\\a\n`, /line 1: .*not a plain file name/],
  ])('refuses %s and says how the file is made', (_case, text, expected) => {
    expect(failure(text)).toMatch(expected);
    expect(failure(text)).toContain('sha256sum *.zip *_manifest.json > ');
  });

  it('refuses what is too long to be one', () => {
    expect(failure(Buffer.alloc(MAX_SUMS_BYTES + 1, 'a'))).toMatch(/^too-large /);
  });

  it('shows nothing of a line that a terminal would obey', () => {
    expect(failure('\u001b[31mred\n')).not.toContain('\u001b');
  });

  it('reads whatever it wrote, and refuses all else without any other error', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9_.-]{1,40}$/);
    const digest = fc.stringMatching(/^[0-9a-f]{64}$/);
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(name, digest), { minLength: 1, selector: ([key]) => key }), (lines) => {
        expect([...parseSums(Buffer.from(lines.map(([file, sha256]) => `${sha256}  ${file}\n`).join('')))]).toEqual(lines);
      }),
    );
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => /^(?:none|unprocessable) /.test(`${failure(text)} `)));
  });
});

describe('lenientSums', () => {
  it('reads what clients read, and passes over the rest', () => {
    const text = `\n${A} one\n${B}\ttab extra\n${A} *star\nnonsense\n${A}\n${B}  one\n${A.toUpperCase()}   upper\r\n\r\n`;

    expect([...lenientSums(Buffer.from(text))]).toEqual([
      ['one', A],
      ['tab', B],
      ['*star', A],
      ['upper', A],
    ]);
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => lenientSums(Buffer.from(bytes)).size >= 0));
  });
});
