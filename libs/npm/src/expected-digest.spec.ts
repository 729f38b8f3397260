import { expect, it } from 'vitest';

import { digestText, expectedDigest, sha512Integrity } from './expected-digest.ts';

const SHA512 = 'ab'.repeat(64);
const SHA1 = 'cd'.repeat(20);

it.each([
  [{ integrity: sha512Integrity(SHA512), shasum: SHA1 }, `sha512:${SHA512}`],
  [{ integrity: `sha1-${Buffer.from(SHA1, 'hex').toString('base64')} ${sha512Integrity(SHA512)}` }, `sha512:${SHA512}`],
  [{ integrity: `sha1-${Buffer.from(SHA1, 'hex').toString('base64')}` }, `sha1:${SHA1}`],
  [{ shasum: SHA1.toUpperCase() }, `sha1:${SHA1}`],
  [{ integrity: 'nonsense', shasum: SHA1 }, `sha1:${SHA1}`],
])('%j must be %s', (dist, text) => {
  const digest = expectedDigest(dist);

  expect(digest === null ? null : digestText(digest)).toBe(text);
});

it.each([{}, { shasum: 'short' }, { integrity: '' }, { integrity: null, shasum: null }])('%j says nothing', (dist) => {
  expect(expectedDigest(dist)).toBeNull();
});
