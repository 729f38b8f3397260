import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

import type { Registry } from '@oci-package-proxy/oci';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { PackageRef } from './index.ts';
import { Ledger } from './ledger.ts';
import { newFact } from './sample-fact.contract.ts';

/** A store that the ledger's contract runs on. */
export interface LedgerStore {
  /** A client of it; of a store that several processes may use: another one each time. */
  connect(): Registry;
  /** Ends it, its clients too. */
  stop(): Promise<void>;
}

/** The promises of the LedgerPort, on one store. */
export function describeLedgerContract(label: string, open: () => Promise<LedgerStore>): void {
  describe(label, () => {
    let store: LedgerStore;
    let registry: Registry;
    let count = 0;
    let ref: PackageRef;

    beforeAll(async () => {
      store = await open();
      registry = store.connect();
    });

    afterAll(async () => {
      await store.stop();
    });

    beforeEach(() => {
      count += 1;
      ref = { ecosystem: `test${count}`, name: 'left-pad', repository: `test${count}/left-pad` };
    });

    it('shows a published version to everybody', async () => {
      const outcome = await new Ledger({ registry }).publish(ref, newFact('1.0.0', { assign: { 'tag:latest': '1.0.0' } }), { by: 'alice' });

      const reader = new Ledger({ registry });
      const fold = await reader.fold(ref);
      const fact = await reader.fact(ref, '1.0.0');
      const body = await reader.open(ref, fact!.layers[0]!);
      expect(outcome).toBe('created');
      expect(fold.origin).toBe('published');
      expect([...fold.facts.keys()]).toEqual(['1.0.0']);
      expect(fold.values.get('tag:latest')).toEqual({ value: '1.0.0', at: '2026-01-02T03:04:05.000Z', by: 'alice' });
      expect(fact).toEqual(fold.facts.get('1.0.0'));
      expect(await text(body!.stream)).toBe('file of 1.0.0');
    });

    it('tells where a package comes from, and remembers no undecided one', async () => {
      const reader = new Ledger({ registry });
      const before = await reader.origin(ref);
      await new Ledger({ registry }).ingest(ref, newFact('1.0.0'));

      expect([before, await reader.origin(ref)]).toEqual([null, 'upstream']);
    });

    it('takes the same version again, and refuses another one under its number', async () => {
      const ledger = new Ledger({ registry });
      await ledger.publish(ref, newFact('1.0.0'), { by: 'alice' });

      const again = await ledger.publish(ref, newFact('1.0.0', { at: '2026-02-02T00:00:00.000Z' }), { by: 'bob' });
      const other = ledger.publish(ref, newFact('1.0.0', { content: 'other' }), { by: 'bob' });

      expect(again).toBe('same');
      await expect(other).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('exists already') as string });
    });

    it('lets one of two replicas win', async () => {
      const publish = async (content: string): Promise<unknown> => new Ledger({ registry }).publish(ref, newFact('1.0.0', { content }), { by: 'alice' });

      const outcomes = await Promise.allSettled([publish('one'), publish('two')]);

      const ledger = new Ledger({ registry });
      const body = await ledger.open(ref, (await ledger.fact(ref, '1.0.0'))!.layers[0]!);
      const stored = await text(body!.stream);
      expect(outcomes.map(({ status }) => status)).toEqual(stored === 'one' ? ['fulfilled', 'rejected'] : ['rejected', 'fulfilled']);
    });

    it('keeps what was deleted deleted', async () => {
      const ledger = new Ledger({ registry });
      await ledger.publish(ref, newFact('1.0.0'), { by: 'alice' });

      await ledger.delete(ref, ['1.0.0'], { by: 'alice' });

      expect((await ledger.fold(ref)).facts.size).toBe(0);
      expect(await ledger.fact(ref, '1.0.0')).toBeNull();
      await expect(ledger.publish(ref, newFact('1.0.0'), { by: 'alice' })).rejects.toMatchObject({ code: 'conflict' });
    });

    it('records events, the later one winning', async () => {
      const ledger = new Ledger({ registry });

      await ledger.record(ref, [{ key: 'a', value: 1 }, { key: 'b', value: 1 }], { by: 'alice' });
      await ledger.record(ref, [{ key: 'a', value: { two: [2] } }, { key: 'b', value: null }], { by: 'bob' });

      const { values } = await ledger.fold(ref);
      expect(values.get('a')).toMatchObject({ value: { two: [2] }, by: 'bob' });
      expect(values.get('b')).toMatchObject({ value: null, by: 'bob' });
    });

    it('stores what was pulled through', async () => {
      const ledger = new Ledger({ registry });

      const outcomes = [
        await ledger.ingest(ref, newFact('1.0.0')),
        await ledger.ingest(ref, newFact('1.0.0')),
        await ledger.ingest(ref, newFact('1.0.0', { content: 'other' })),
      ];

      expect(outcomes).toEqual(['stored', 'present', 'pinned']);
      expect((await ledger.fold(ref)).origin).toBe('upstream');
      await expect(ledger.publish(ref, newFact('2.0.0'), { by: 'alice' })).rejects.toMatchObject({ code: 'conflict' });
    });

    it('decides once where a package comes from', async () => {
      const ledger = new Ledger({ registry });
      await ledger.fold(ref);

      const origins = await Promise.all([ledger.decideOrigin(ref, 'upstream'), new Ledger({ registry }).decideOrigin(ref, 'published')]);

      expect(origins[0]).toBe(origins[1]);
      expect((await ledger.fold(ref)).origin).toBe(origins[0]);
      expect((await new Ledger({ registry }).fold(ref)).origin).toBe(origins[0]);
    });

    it('keeps the last state of upstream', async () => {
      await new Ledger({ registry }).writeUpstreamState(ref, { tags: { latest: '1.0.0' } });
      await new Ledger({ registry }).writeUpstreamState(ref, { tags: { latest: '2.0.0' } });

      expect(await new Ledger({ registry }).upstreamState(ref)).toEqual({ tags: { latest: '2.0.0' } });
    });

    it('lists packages and folds from a snapshot', async () => {
      const ledger = new Ledger({ registry });
      await ledger.publish(ref, newFact('1.0.0', { document: JSON.stringify('x'.repeat(40_000)) }), { by: 'alice' });
      await ledger.publish(ref, newFact('2.0.0', { assign: { latest: '2.0.0' } }), { by: 'alice' });
      await ledger.record(ref, ['a', 'b', 'c', 'd', 'e', 'f'].map((key) => ({ key, value: 1 })), { by: 'alice' });
      await ledger.delete(ref, ['2.0.0'], { by: 'alice' });

      const refreshed = [await ledger.refreshSnapshot(ref), await ledger.refreshSnapshot(ref), await new Ledger({ registry }).refreshSnapshot(ref)];

      expect(refreshed).toEqual([true, false, false]);
      expect(await Readable.from(ledger.packages(ref.ecosystem)).toArray()).toEqual(['left-pad']);
      expect(await new Ledger({ registry }).fold(ref)).toEqual(await ledger.fold(ref));
    });

    it('lets one of five replicas win each of three versions, and tells the others', async () => {
      const clients = Array.from({ length: 5 }, () => store.connect());
      const versions = ['1.0.0', '1.1.0', '2.0.0'];

      const outcomes = await Promise.all(versions.map((version) => Promise.allSettled(clients.map((client, at) => new Ledger({ registry: client }).publish(ref, newFact(version, { content: `of ${at}` }), { by: `user ${at}` })))));

      const ledger = new Ledger({ registry });
      const stored = await Promise.all(versions.map(async (version) => text((await ledger.open(ref, (await ledger.fact(ref, version))!.layers[0]!))!.stream)));
      expect(outcomes.map((of) => of.flatMap(({ status }, at) => (status === 'fulfilled' ? [`of ${at}`] : [])))).toEqual(stored.map((content) => [content]));
      expect(outcomes.flat().flatMap((outcome) => (outcome.status === 'rejected' ? [(outcome.reason as { code: string }).code] : []))).toEqual(Array.from({ length: 12 }, () => 'conflict'));
      expect([...(await ledger.fold(ref)).facts.keys()].toSorted()).toEqual(versions);
    }, 120_000);
  });
}
