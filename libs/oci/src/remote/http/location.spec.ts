import { expect, it } from 'vitest';

import { resolveLocation } from './location.ts';

it.each([
  ['relative', '/v2/a/blobs/uploads/1?_state=x%3D', 'https://example.com', 'https://example.com/v2/a/blobs/uploads/1?_state=x%3D'],
  ['absolute elsewhere', 'https://blobs.example.com/u?sig=1', 'https://example.com', 'https://blobs.example.com/u?sig=1'],
  ['http of a registry behind TLS', 'http://example.com/v2/x?y', 'https://example.com', 'https://example.com/v2/x?y'],
  ['http elsewhere from TLS', 'http://blobs.example.com/u', 'https://example.com', null],
  ['http elsewhere from http', 'http://blobs.example.com/u', 'http://example.com', 'http://blobs.example.com/u'],
  ['another scheme', 'ftp://example.com/u', 'http://example.com', null],
])('a location that is %s', (_name, location, registry, expected) => {
  const base = new URL(registry);

  expect(resolveLocation(location, base, base)?.href ?? null).toBe(expected);
});
