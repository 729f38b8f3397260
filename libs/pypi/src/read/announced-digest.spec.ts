import { describe, expect, it } from 'vitest';

import { announcedDigest, expectedContent, isOfOtherBytes } from './announced-digest.ts';

const SHA256 = 'a'.repeat(64);
const SHA512 = 'b'.repeat(128);
const SHA1 = 'c'.repeat(40);
const MD5 = 'd'.repeat(32);

describe('announcedDigest', () => {
  it.each([
    [{ md5: MD5, sha1: SHA1, sha512: SHA512, sha256: SHA256 }, { algorithm: 'sha256', hex: SHA256 }],
    [{ md5: MD5, sha1: SHA1, sha512: SHA512 }, { algorithm: 'sha512', hex: SHA512 }],
    [{ md5: MD5, sha1: SHA1 }, { algorithm: 'sha1', hex: SHA1 }],
    [{ md5: MD5.toUpperCase() }, { algorithm: 'md5', hex: MD5 }],
    [{ sha256: 'a'.repeat(63), md5: MD5 }, { algorithm: 'md5', hex: MD5 }],
    [{ sha256: 'x'.repeat(64) }, null],
    [{ blake2b_256: SHA256 }, null],
    [Object.create({ sha256: SHA256 }) as Record<string, string>, null],
    [{}, null],
  ])('finds the best of %o', (hashes, digest) => {
    expect(announcedDigest(hashes)).toEqual(digest);
  });
});

describe('expectedContent', () => {
  it.each([
    [{ algorithm: 'md5', hex: MD5 } as const, 5, { md5: MD5, size: 5 }],
    [null, 5, { size: 5 }],
    [null, null, {}],
  ])('checks what there is', (digest, size, content) => {
    expect(expectedContent(digest, size)).toEqual(content);
  });
});

describe('isOfOtherBytes', () => {
  it.each([
    ['the same', { sha256: SHA256 }, { sha256: SHA256 }, false],
    ['another one', { sha256: 'e'.repeat(64) }, { sha256: SHA256 }, true],
    ['another weak one that was known', { md5: 'e'.repeat(32) }, { sha256: SHA256, md5: MD5 }, true],
    ['one that nobody computed of ours', { md5: 'e'.repeat(32) }, { sha256: SHA256 }, false],
    ['none', {}, { sha256: SHA256 }, false],
  ])('compares the best: %s', (_, announced, stored, other) => {
    expect(isOfOtherBytes(announced as Record<string, string>, stored as Record<string, string>)).toBe(other);
  });
});
