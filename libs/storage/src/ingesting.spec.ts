import { ProxyError } from '@oci-package-proxy/errors';
import { type Gate, MemoryRegistry } from '@oci-package-proxy/oci';
import { describe, expect, it } from 'vitest';

import { Ledger } from './ledger.ts';
import { keptLog, newFact, rawManifest, REF, requestsOf } from './sample-fact.contract.ts';

const BY = { by: 'alice' };

describe.each([{ createOnly: true }, { createOnly: false }])('ingest, create-only tags: $createOnly', ({ createOnly }) => {
  it.each([
    ['stored', async () => Promise.resolve()],
    ['present', async (ledger: Ledger) => ledger.ingest(REF, newFact('1.0.0', { at: '2020-01-01T00:00:00.000Z' }))],
    ['pinned', async (ledger: Ledger) => ledger.ingest(REF, newFact('1.0.0', { content: 'other' }))],
    ['deleted', async (ledger: Ledger) => ledger.delete(REF, ['1.0.0'], BY)],
    ['published', async (ledger: Ledger) => ledger.publish(REF, newFact('2.0.0'), BY)],
  ])('answers %s', async (outcome, before) => {
    const registry = new MemoryRegistry({ createOnly });
    await before(new Ledger({ registry: registry.view({}) }));

    expect(await new Ledger({ registry }).ingest(REF, newFact('1.0.0'))).toBe(outcome);
  });

  it('stores the same bytes whoever asks, without a stamp and without rounds', async () => {
    const digests: unknown[] = [];
    for (const actor of ['one', 'two']) {
      const registry = new MemoryRegistry({ createOnly, actor });
      const ledger = new Ledger({ registry });
      await ledger.decideOrigin(REF, 'upstream');
      requestsOf(registry);
      await ledger.ingest(REF, newFact('1.0.0', { assign: { latest: '1.0.0' } }));
      expect(requestsOf(registry).filter((request) => request.startsWith('list-page') || request.includes('_c.'))).toEqual([]);
      const fact = await ledger.fact(REF, '1.0.0');
      expect(fact).toMatchObject({ origin: 'upstream', stamp: null, assign: {} });
      digests.push(fact?.digest);
    }

    expect(digests[0]).toBe(digests[1]);
  });

  it('has rivals bring the same bytes', async () => {
    const registry = new MemoryRegistry({ createOnly });

    const outcomes = await Promise.all([1, 2, 3].map((view) => new Ledger({ registry: registry.view({ actor: String(view) }) }).ingest(REF, newFact('1.0.0'))));

    expect(outcomes.every((outcome) => outcome === 'stored' || outcome === 'present')).toBe(true);
    expect((await new Ledger({ registry }).fold(REF)).facts.size).toBe(1);
  });

  it('tells of what it stored when it is visible, and drops its own list', async () => {
    const registry = new MemoryRegistry({ createOnly });
    const seen: number[] = [];
    const ledger = new Ledger({ registry, changes: { changed: async (ref) => { seen.push((await ledger.fold(ref)).facts.size); } } });
    await ledger.fold(REF);

    await ledger.ingest(REF, newFact('1.0.0'));

    expect(seen).toEqual([1]);
  });

  it('yields to a deletion that raced with it', async () => {
    const registry = new MemoryRegistry({ createOnly });
    const gate: Gate = { before: async ({ kind, reference }) => {
      if (kind !== 'read-manifest' && reference === '1.0.0') {
        await new Ledger({ registry }).delete(REF, ['1.0.0'], BY);
      }
    } };

    expect(await new Ledger({ registry: registry.view({ gate }) }).ingest(REF, newFact('1.0.0'))).toBe('deleted');
    expect((await new Ledger({ registry }).fold(REF)).facts.size).toBe(0);
  });

  it('pins what stands there already even if it is not ours, and says so', async () => {
    const registry = new MemoryRegistry({ createOnly });
    const log = keptLog();
    const ledger = new Ledger({ registry, logger: log });
    await ledger.decideOrigin(REF, 'upstream');
    await registry.repository(REF.repository).writeManifest(rawManifest({}), { tag: '1.0.0' });

    expect(await ledger.ingest(REF, newFact('1.0.0'))).toBe('pinned');
    expect(log.messages).toEqual(['a tag that a pulled-through file needs holds something that is not ours']);
  });

  it('passes on that storage cannot be asked, and stores nothing', async () => {
    const registry = new MemoryRegistry({ createOnly });
    const gate: Gate = { before: ({ kind, reference }) => {
      if (kind === 'read-manifest' && reference === '1.0.0') {
        throw new ProxyError('storage-denied', 'no');
      }
    } };

    await expect(new Ledger({ registry: registry.view({ gate }) }).ingest(REF, newFact('1.0.0'))).rejects.toMatchObject({ code: 'storage-denied' });
    expect((await new Ledger({ registry }).fold(REF)).facts.size).toBe(0);
  });
});

describe('ingest where somebody writes past the ledger', () => {
  it('is no conflict', async () => {
    const registry = new MemoryRegistry();
    const gate: Gate = { after: async ({ kind, reference }) => {
      if (kind === 'write-manifest' && reference === '_origin') {
        await registry.repository(REF.repository).writeManifest(rawManifest({}), { tag: '_origin' });
      }
    } };

    await expect(new Ledger({ registry: registry.view({ gate }) }).ingest(REF, newFact('1.0.0'))).rejects.toMatchObject({ code: 'integrity' });
  });
});

describe('ingest into a registry that loses what it acknowledged', () => {
  it.each([{ lost: 3, outcome: 'stored' }, { lost: 4, outcome: 'storage-unavailable' }])('$lost times: $outcome', async ({ lost, outcome }) => {
    let left = lost;
    const gate: Gate = { before: ({ kind, reference }) => {
      if (kind === 'write-manifest' && reference === '1.0.0' && left > 0) {
        left -= 1;
        return 'drop';
      }
      return 'apply';
    } };
    const ledger = new Ledger({ registry: new MemoryRegistry({ gate }) });

    const result = await ledger.ingest(REF, newFact('1.0.0')).catch((error: ProxyError) => error.code);

    expect(result).toBe(outcome);
  });
});
