import { randomBytes } from 'node:crypto';

import { ProxyError } from '@oci-package-proxy/errors';
import { bufferBlob, EMPTY_BYTES, MemoryRegistry } from '@oci-package-proxy/oci';
import { describe, expect, it } from 'vitest';

import { Ledger } from './ledger.ts';
import { keptLog, newFact, rawManifest, REF, requestsOf } from './sample-fact.contract.ts';
import { LEDGER_TYPES } from './vendor.ts';

describe('the last state of upstream', () => {
  it('is none before it is written', async () => {
    expect(await new Ledger({ registry: new MemoryRegistry() }).upstreamState(REF)).toBeNull();
  });

  it('may be several megabytes', async () => {
    const registry = new MemoryRegistry();
    const state = Object.fromEntries(Array.from({ length: 40_000 }, (_, index) => [`1.0.${index}`, randomBytes(40).toString('hex')]));
    await new Ledger({ registry }).writeUpstreamState(REF, state);

    const manifest = await registry.repository(REF.repository).readManifest('_upstream');

    expect(manifest!.bytes.length).toBeLessThan(2000);
    expect(await new Ledger({ registry }).upstreamState(REF)).toEqual(state);
  });

  it('is written when the content changed, and only then', async () => {
    const registry = new MemoryRegistry();
    const written: boolean[] = [];
    for (const state of [{ a: 1, b: 2 }, { b: 2, a: 1 }, { a: 2, b: 2 }, { a: 2, b: 2 }]) {
      await new Ledger({ registry }).writeUpstreamState(REF, state);
      written.push(requestsOf(registry).includes('write-manifest _upstream'));
    }

    expect(written).toEqual([true, false, true, false]);
  });

  it('is refused for a package that is published here', async () => {
    const registry = new MemoryRegistry();
    await new Ledger({ registry }).publish(REF, newFact('1.0.0'), { by: 'alice' });

    await expect(new Ledger({ registry }).writeUpstreamState(REF, {})).rejects.toMatchObject({ code: 'conflict' });
  });

  it.each([
    ['another artifact type', { artifactType: 'other' }, 0],
    ['no layers', { layers: [] }, 0],
    ['a layer that is no gzip', {}, 1],
    ['a blob that storage has lost', { lost: true }, 1],
  ])('is none where the manifest has %s', async (_what, changes, messages) => {
    const registry = new MemoryRegistry();
    const log = keptLog();
    const repository = registry.repository(REF.repository);
    await repository.writeBlob(bufferBlob(EMPTY_BYTES));
    await repository.writeManifest(rawManifest({ artifactType: LEDGER_TYPES.upstream, ...changes }), { tag: '_upstream' });
    const intercepted = 'lost' in changes ? Object.assign(repository, { readBlob: async () => Promise.resolve(null) }) : repository;
    const ledger = new Ledger({ registry: { check: async () => Promise.resolve(), close: async () => Promise.resolve(), repository: () => intercepted }, logger: log });

    expect(await ledger.upstreamState(REF)).toBeNull();
    expect(log.messages).toHaveLength(messages);
  });

  it('passes on that storage cannot be asked', async () => {
    const gate = { before: (): never => { throw new ProxyError('storage-unavailable', 'away'); } };

    await expect(new Ledger({ registry: new MemoryRegistry({ gate }) }).upstreamState(REF)).rejects.toMatchObject({ code: 'storage-unavailable' });
  });
});
