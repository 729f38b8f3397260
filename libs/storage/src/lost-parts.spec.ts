import { type Gate, MemoryRegistry } from '@oci-package-proxy/oci';
import { describe, expect, it } from 'vitest';

import type { Change, Fold } from './index.ts';
import { Ledger } from './ledger.ts';
import { indexFact, newFact, REF } from './sample-fact.contract.ts';

const BY = { by: 'alice' };

describe.each([{ createOnly: true }, { createOnly: false }])('a registry that loses what it acknowledged, create-only tags: $createOnly', ({ createOnly }) => {
  /** Loses the first `times` writes of `kind` that have no tag. */
  function losing(kind: 'write-blob' | 'write-manifest', times: number): Gate {
    let lost = 0;
    return { before: (operation) => {
      const isPart = operation.kind === kind && (operation.reference ?? 'sha256:').startsWith('sha256:');
      lost += isPart ? 1 : 0;
      return isPart && lost <= times ? 'drop' : 'apply';
    } };
  }

  it.each(['write-blob', 'write-manifest'] as const)('gets it once more: %s', async (kind) => {
    const registry = new MemoryRegistry({ createOnly });
    const ledger = new Ledger({ registry: registry.view({ gate: losing(kind, 1) }) });
    await new Ledger({ registry }).decideOrigin(REF, 'published');

    expect(await ledger.publish(REF, indexFact('1.0.0'), BY)).toBe('created');

    expect((await new Ledger({ registry }).fold(REF)).facts.get('1.0.0')).toMatchObject({ version: '1.0.0' });
  });

  const value = (key: string): Change => ({ key, value: 'set' });
  it.each<[string, number, (ledger: Ledger) => Promise<unknown>, (fold: Fold) => unknown]>([
    ['an event, of which it loses the blob', 1, async (ledger) => ledger.record(REF, [value('one'), value('two')], BY), ({ values }) => values.get('two')?.value === 'set'],
    ['an event, of which it loses both blobs', 2, async (ledger) => ledger.record(REF, [value('one'), value('two')], BY), ({ values }) => values.get('two')?.value === 'set'],
    ['a deletion', 1, async (ledger) => ledger.delete(REF, ['1.0.0'], BY), ({ deletedTags }) => deletedTags.size === 1],
    ['an origin', 1, async (ledger) => ledger.decideOrigin(REF, 'published'), ({ origin }) => origin === 'published'],
    ['an origin, and then a blob of the version', 2, async (ledger) => ledger.publish(REF, newFact('1.0.0'), BY), ({ facts }) => facts.has('1.0.0')],
    ['what is pulled through', 2, async (ledger) => ledger.ingest(REF, newFact('1.0.0')), ({ facts }) => facts.has('1.0.0')],
  ])('gets it once more: %s', async (_what, times, write, isThere) => {
    const registry = new MemoryRegistry({ createOnly });
    const ledger = new Ledger({ registry: registry.view({ gate: losing('write-blob', times) }) });

    await write(ledger);

    expect(isThere(await new Ledger({ registry }).fold(REF))).toBe(true);
  });

  it('gets a snapshot and the last state of upstream once more', async () => {
    const registry = new MemoryRegistry({ createOnly });
    const before = new Ledger({ registry });
    for (let version = 0; version < 10; version += 1) {
      await before.ingest(REF, newFact(`1.0.${version}`));
    }
    const ledger = new Ledger({ registry: registry.view({ gate: losing('write-blob', 2) }) });
    const other = new Ledger({ registry: registry.view({ gate: losing('write-blob', 2) }) });

    await ledger.writeUpstreamState(REF, { latest: '1.0.9' });

    expect(await other.refreshSnapshot(REF)).toBe(true);
    expect(await before.upstreamState(REF)).toEqual({ latest: '1.0.9' });
  });

  it('is to blame where it goes on with that, and not the version', async () => {
    const registry = new MemoryRegistry({ createOnly });
    await new Ledger({ registry }).decideOrigin(REF, 'published');
    const ledger = new Ledger({ registry: registry.view({ gate: losing('write-manifest', Number.POSITIVE_INFINITY) }) });

    await expect(ledger.publish(REF, indexFact('1.0.0'), BY)).rejects.toMatchObject({ code: 'storage-unavailable' });

    expect((await new Ledger({ registry }).fold(REF)).facts.size).toBe(0);
  });
});
