import { readdir, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';

import { LayoutRegistry, MemoryRegistry } from '@oci-package-proxy/oci';
import { temporaryDirectory } from '@oci-package-proxy/testing';
import { expect, it } from 'vitest';

import { collectGarbage, collectText } from './collecting.ts';
import { fillStore, LOCATOR } from './sample-store.contract.ts';
import { verify } from './verifying.ts';

const HOUR_MS = 60 * 60_000;

it('removes what deleted versions leave, and nothing that is needed', async () => {
  const directory = await temporaryDirectory('collect');
  const registry = new LayoutRegistry({ directory });
  await fillStore(registry);
  await registry.close();
  const then = new Date(Date.now() - 2 * HOUR_MS);
  for await (const name of registry.listRepositories()) {
    const blobs = join(directory, name, 'blobs/sha256');
    await Promise.all((await readdir(blobs)).map((blob) => utimes(join(blobs, blob), then, then)));
  }

  const planned = await collectGarbage({ registry, graceMs: HOUR_MS, dryRun: true });
  const done = await collectGarbage({ registry, graceMs: HOUR_MS, dryRun: false });

  // The manifest, document and file of left-pad 1.2.0.
  expect(planned).toMatchObject({ removed: 3, young: 0, damaged: [] });
  expect(done).toEqual({ ...planned, dryRun: false });
  expect([collectText(planned), collectText(done)]).toEqual([expect.stringMatching(/^would remove 3 blobs \(/), expect.stringMatching(/^removed 3 blobs \(/)]);
  expect((await verify({ registry, locator: LOCATOR, scope: { kind: 'all' }, quick: false })).problems).toEqual([]);
  await registry.close();
  await rm(directory, { recursive: true });
});

it('leaves registries to themselves, and says so', async () => {
  await expect(collectGarbage({ registry: new MemoryRegistry(), graceMs: HOUR_MS, dryRun: true })).rejects.toThrow(/registry, whose own garbage collection/);
});
