import { ProxyError } from '@oci-package-proxy/errors';
import { MemoryRegistry } from '@oci-package-proxy/oci';
import { describe, expect, it } from 'vitest';

import { Ledger } from './ledger.ts';
import { newFact, REF } from './sample-fact.contract.ts';

const BY = { by: 'alice' };

interface Sample {
  readonly ledger: Ledger;
  /** What answers from an old list were said to be of. */
  readonly told: number[];
  out: 'storage-unavailable' | 'storage-denied' | 'storage-read-only' | null;
  now: number;
}

/** A ledger that can be cut off from its store, and whose lists have all died then. */
function sample(): Sample {
  const memory = new MemoryRegistry();
  const state: Omit<Sample, 'ledger'> = { told: [], out: null, now: 1_000_000 };
  const gate = {
    before: (): void => {
      if (state.out !== null) {
        throw new ProxyError(state.out, 'the registry is away');
      }
    },
  };
  const ledger = new Ledger({ registry: memory.view({ gate }), clock: () => state.now, onOld: (_ref, asOf) => state.told.push(asOf) });
  return Object.assign(state, { ledger });
}

describe('while storage cannot be asked', () => {
  it.each(['published', 'upstream'] as const)('a %s package is what it was when it was listed last, and says so', async (origin) => {
    const store = sample();
    await (origin === 'published' ? store.ledger.publish(REF, newFact('1.0.0'), BY) : store.ledger.ingest(REF, newFact('1.0.0')));
    const before = await store.ledger.fold(REF);
    store.out = 'storage-unavailable';
    store.now += 86_400_000;

    const old = await store.ledger.fold(REF);

    expect(before.asOf).toBeUndefined();
    expect(old).toEqual({ ...before, asOf: 1_000_000 });
    expect(store.told).toEqual([1_000_000]);
    expect(await store.ledger.fact(REF, '1.0.0')).toEqual(before.facts.get('1.0.0'));
    expect(await store.ledger.origin(REF)).toBe(origin);
  });

  it('nothing is said to be missing, and nothing is fresh', async () => {
    const store = sample();
    await store.ledger.publish(REF, newFact('1.0.0'), BY);
    await store.ledger.fold(REF);
    store.out = 'storage-denied';
    store.now += 86_400_000;

    await expect(store.ledger.fold(REF, { fresh: true })).rejects.toMatchObject({ code: 'storage-denied' });
    await expect(store.ledger.fact(REF, '2.0.0')).rejects.toMatchObject({ code: 'storage-denied' });
    await expect(store.ledger.fold({ ...REF, repository: 'test/other' })).rejects.toMatchObject({ code: 'storage-denied' });
    await expect(store.ledger.origin({ ...REF, repository: 'test/other' })).rejects.toMatchObject({ code: 'storage-denied' });
  });

  it('a name of no origin is no answer: it may have been published, and must not be asked for upstream', async () => {
    const store = sample();
    await store.ledger.fold(REF);
    store.out = 'storage-unavailable';
    store.now += 86_400_000;

    await expect(store.ledger.fold(REF)).rejects.toMatchObject({ code: 'storage-unavailable' });
    expect((await store.ledger.fold(REF, { outageMs: Number.POSITIVE_INFINITY })).facts.size).toBe(0);
    await expect(store.ledger.fold(REF, { outageMs: 60_000 })).rejects.toMatchObject({ code: 'storage-unavailable' });
  });

  it('a change that could not be written or read makes nothing disappear', async () => {
    const store = sample();
    await store.ledger.publish(REF, newFact('1.0.0'), BY);
    await store.ledger.fold(REF);
    store.out = 'storage-unavailable';

    await expect(store.ledger.record(REF, [{ key: 'a', value: 1 }], BY)).rejects.toMatchObject({ code: 'storage-unavailable' });
    store.ledger.invalidate(REF);
    store.ledger.invalidateAll({ connected: false });

    expect((await store.ledger.fold(REF)).facts.size).toBe(1);
    expect(store.told).toHaveLength(1);
  });

  it('all is as before when it is back', async () => {
    const store = sample();
    await store.ledger.publish(REF, newFact('1.0.0'), BY);
    await store.ledger.fold(REF);
    store.out = 'storage-unavailable';
    store.now += 86_400_000;
    await store.ledger.fold(REF);
    store.out = null;

    await store.ledger.publish(REF, newFact('2.0.0'), BY);
    const back = await store.ledger.fold(REF);

    expect([back.facts.size, back.asOf]).toEqual([2, undefined]);
  });

  it('a failure of another kind is passed on', async () => {
    const store = sample();
    await store.ledger.publish(REF, newFact('1.0.0'), BY);
    await store.ledger.fold(REF);
    store.out = 'storage-read-only';
    store.now += 86_400_000;

    await expect(store.ledger.fold(REF)).rejects.toMatchObject({ code: 'storage-read-only' });
  });
});
