import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

import { MemoryRegistry } from '@oci-package-proxy/oci';
import { describe, expect, it } from 'vitest';

import { newFact, REF } from './sample-fact.contract.ts';
import { Ledger } from './ledger.ts';

describe.each([{ createOnly: true }, { createOnly: false }])('Ledger, create-only tags: $createOnly', ({ createOnly }) => {
  it('shows a published version to everybody', async () => {
    const registry = new MemoryRegistry({ createOnly });

    const outcome = await new Ledger({ registry }).publish(REF, newFact('1.0.0', { assign: { 'tag:latest': '1.0.0' } }), { by: 'alice' });

    const reader = new Ledger({ registry: registry.view({ actor: 'reader' }) });
    const fold = await reader.fold(REF);
    const fact = await reader.fact(REF, '1.0.0');
    const body = await reader.open(REF, fact!.layers[0]!);
    expect(outcome).toBe('created');
    expect(fold.origin).toBe('published');
    expect([...fold.facts.keys()]).toEqual(['1.0.0']);
    expect(fold.values.get('tag:latest')).toEqual({ value: '1.0.0', at: '2026-01-02T03:04:05.000Z', by: 'alice' });
    expect(fact).toEqual(fold.facts.get('1.0.0'));
    expect(await text(body!.stream)).toBe('file of 1.0.0');
  });

  it('takes the same version again, and refuses another one under its number', async () => {
    const ledger = new Ledger({ registry: new MemoryRegistry({ createOnly }) });
    await ledger.publish(REF, newFact('1.0.0'), { by: 'alice' });

    const again = await ledger.publish(REF, newFact('1.0.0', { at: '2026-02-02T00:00:00.000Z' }), { by: 'bob' });
    const other = ledger.publish(REF, newFact('1.0.0', { content: 'other' }), { by: 'bob' });

    expect(again).toBe('same');
    await expect(other).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('exists already') as string });
  });

  it('keeps what was deleted deleted', async () => {
    const ledger = new Ledger({ registry: new MemoryRegistry({ createOnly }) });
    await ledger.publish(REF, newFact('1.0.0'), { by: 'alice' });

    await ledger.delete(REF, ['1.0.0'], { by: 'alice' });

    expect((await ledger.fold(REF)).facts.size).toBe(0);
    expect(await ledger.fact(REF, '1.0.0')).toBeNull();
    await expect(ledger.publish(REF, newFact('1.0.0'), { by: 'alice' })).rejects.toMatchObject({ code: 'conflict' });
  });

  it('records events, the later one winning', async () => {
    const ledger = new Ledger({ registry: new MemoryRegistry({ createOnly }) });

    await ledger.record(REF, [{ key: 'a', value: 1 }, { key: 'b', value: 1 }], { by: 'alice' });
    await ledger.record(REF, [{ key: 'a', value: { two: [2] } }, { key: 'b', value: null }], { by: 'bob' });

    const { values } = await ledger.fold(REF);
    expect(values.get('a')).toMatchObject({ value: { two: [2] }, by: 'bob' });
    expect(values.get('b')).toMatchObject({ value: null, by: 'bob' });
  });

  it('stores what was pulled through', async () => {
    const ledger = new Ledger({ registry: new MemoryRegistry({ createOnly }) });

    const outcomes = [
      await ledger.ingest(REF, newFact('1.0.0')),
      await ledger.ingest(REF, newFact('1.0.0')),
      await ledger.ingest(REF, newFact('1.0.0', { content: 'other' })),
    ];

    expect(outcomes).toEqual(['stored', 'present', 'pinned']);
    expect((await ledger.fold(REF)).origin).toBe('upstream');
    await expect(ledger.publish(REF, newFact('2.0.0'), { by: 'alice' })).rejects.toMatchObject({ code: 'conflict' });
  });

  it('keeps the last state of upstream', async () => {
    const registry = new MemoryRegistry({ createOnly });
    const ledger = new Ledger({ registry });
    await ledger.writeUpstreamState(REF, { tags: { latest: '1.0.0' } });

    const state = await new Ledger({ registry }).upstreamState(REF);

    expect(state).toEqual({ tags: { latest: '1.0.0' } });
  });

  it('lists packages and folds from a snapshot', async () => {
    const registry = new MemoryRegistry({ createOnly });
    const ledger = new Ledger({ registry });
    await ledger.publish(REF, newFact('1.0.0'), { by: 'alice' });

    const first = await ledger.refreshSnapshot(REF);
    const second = await ledger.refreshSnapshot(REF);

    expect([first, second]).toEqual([true, false]);
    expect(await Readable.from(ledger.packages('test')).toArray()).toEqual(['left-pad']);
    expect(await new Ledger({ registry }).fold(REF)).toEqual(await ledger.fold(REF));
  });
});
