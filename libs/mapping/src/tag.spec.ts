import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { hostileText } from './hostile-text.contract.ts';
import { filenameOfTag, fileTag, isReservedTag, MAX_TAG_LENGTH, versionOfTag, versionTag } from './tag.ts';

const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

describe.each([
  {
    scheme: 'versionTag',
    encode: versionTag,
    decode: versionOfTag,
    table: [
      ['1.2.3', '1.2.3'],
      ['1.0.0-beta.1+build.5', '1.0.0-beta.1_build.5'],
      ['1!2.0', '1_.212.0'],
      ['1.0_a', '1.0_.5Fa'],
      ['1.0+', '1.0_.2B'],
      ['1.0+.5', '1.0_.2B.5'],
      ['-x', '_.2Dx'],
    ],
  },
  {
    scheme: 'fileTag',
    encode: fileTag,
    decode: filenameOfTag,
    table: [
      ['torch-2.1.0+cpu-cp311.whl', 'torch-2.1.0_.2Bcpu-cp311.whl'],
      ['some_pkg-1.0.tar.gz', 'some_pkg-1.0.tar.gz'],
      ['a_.b', 'a_.5F.b'],
      ['_e.0', '_.5Fe.0'],
      ['a_+', 'a__.2B'],
    ],
  },
])('$scheme', ({ encode, decode, table }) => {
  it.each(table)('%s is %s', (text, tag) => {
    expect(encode(text)).toBe(tag);
    expect(decode(tag)).toBe(text);
  });

  it('is legal, injective and reversible, and never the tag of an event', () => {
    const seen = new Map<string, string>();

    fc.assert(
      fc.property(hostileText, (text) => {
        const tag = encode(text);
        expect(tag).toMatch(TAG);
        expect(isReservedTag(tag)).toBe(tag.startsWith('_h.'));
        expect(seen.get(tag) ?? text).toBe(text);
        seen.set(tag, text);
        expect(tag.startsWith('_h.') ? text : decode(tag)).toBe(text);
      }),
      { numRuns: 5000 },
    );
  });

  it('hashes what is longer than a tag may be', () => {
    const tag = encode('a'.repeat(MAX_TAG_LENGTH + 1));

    expect(tag).toMatch(/^_h\.[0-9a-f]{64}$/);
    expect(decode(tag)).toBeNull();
    expect(encode('a'.repeat(MAX_TAG_LENGTH))).toBe('a'.repeat(MAX_TAG_LENGTH));
  });

  it.each(['', '\ud800'])('refuses %j', (text) => {
    expect(() => encode(text)).toThrow(expect.objectContaining({ code: 'invalid' }));
  });
});
