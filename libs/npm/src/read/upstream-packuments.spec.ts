import { createHash } from 'node:crypto';

import type { UpstreamDocument } from '@oci-package-proxy/upstream';
import { expect, it, vi } from 'vitest';

import { DocumentWorkshop } from '../documents/document-workshop.ts';
import { UpstreamPackuments } from './upstream-packuments.ts';

function documentOf(text: string): UpstreamDocument {
  return { bytes: Buffer.from(text), contentType: 'application/json', url: 'http://upstream.example.com/', etag: null, revision: createHash('sha256').update(text).digest('hex'), confirmedAt: 0, stale: false };
}

it('makes an index once for all who wait, and again after one that could not be made', async () => {
  const workshop = new DocumentWorkshop();
  const run = vi.spyOn(workshop, 'run');
  const packuments = new UpstreamPackuments({ get: () => Promise.resolve(null) }, 'http://127.0.0.1:1', workshop);
  const document = documentOf(JSON.stringify({ versions: { '1.0.0': { dist: { tarball: 'http://127.0.0.1:1/a/-/a-1.0.0.tgz' } } } }));
  const page = documentOf('<html>');

  const indexes = await Promise.all(Array.from({ length: 20 }, () => packuments.index('a', document)));
  const failures = [await packuments.index('a', page).catch(String), await packuments.index('a', page).catch(String)];

  expect(new Set(indexes).size).toBe(1);
  expect(packuments.lastIndex('a')).toBe(indexes[0]);
  expect(failures[0]).toMatch(/no package document/);
  expect(failures[1]).toBe(failures[0]);
  expect(run).toHaveBeenCalledTimes(3);
});
