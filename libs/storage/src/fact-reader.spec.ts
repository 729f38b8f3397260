import { text } from 'node:stream/consumers';

import { ProxyError } from '@oci-package-proxy/errors';
import { MemoryRegistry } from '@oci-package-proxy/oci';
import { describe, expect, it } from 'vitest';

import { encodeFact } from './fact-manifest.ts';
import { Ledger } from './ledger.ts';
import { keptLog, newFact, rawManifest, REF, requestsOf } from './sample-fact.contract.ts';
import { deletionTag } from './tags.ts';

const BY = { by: 'alice' };
const LARGE = JSON.stringify('x'.repeat(33 * 1024));

async function reader(): Promise<{ readonly registry: MemoryRegistry; readonly view: MemoryRegistry; readonly ledger: Ledger; readonly log: ReturnType<typeof keptLog> }> {
  const registry = new MemoryRegistry({ createOnly: true });
  const writer = new Ledger({ registry });
  await writer.publish(REF, newFact('1.0.0'), BY);
  await writer.publish(REF, newFact('2.0.0', { document: LARGE }), BY);
  const view = registry.view({ actor: 'reader' });
  const log = keptLog();
  return { registry, view, log, ledger: new Ledger({ registry: view, logger: log }) };
}

describe('fact', () => {
  it('asks for the tag and its deletion, and for no list', async () => {
    const { view, ledger } = await reader();

    const fact = await ledger.fact(REF, '1.0.0');

    expect(fact).toMatchObject({ version: '1.0.0', document: newFact('1.0.0').document });
    expect(requestsOf(view)).toEqual(['read-manifest 1.0.0', `stat-manifest ${deletionTag('1.0.0')}`]);
  });

  it('reads a large document', async () => {
    const { view, ledger } = await reader();

    expect((await ledger.fact(REF, '2.0.0'))?.document).toBe(LARGE);
    expect(requestsOf(view).at(-1)).toMatch(/^read-blob /);
    expect((await ledger.fold(REF)).facts.get('2.0.0')?.document).toBe(LARGE);
  });

  it('asks nobody for what is in a fold whose list is alive', async () => {
    const { view, ledger } = await reader();
    const fold = await ledger.fold(REF);
    requestsOf(view);

    expect(await ledger.fact(REF, '1.0.0')).toBe(fold.facts.get('1.0.0'));
    expect(requestsOf(view)).toEqual([]);
    ledger.invalidate(REF);
    expect(await ledger.fact(REF, '1.0.0')).toEqual(fold.facts.get('1.0.0'));
    expect(requestsOf(view)).toHaveLength(2);
  });

  it('never says from a cache that something is not there', async () => {
    const { registry, ledger } = await reader();
    await ledger.fold(REF);
    expect(await ledger.fact(REF, '3.0.0')).toBeNull();
    await new Ledger({ registry }).publish(REF, newFact('3.0.0'), BY);

    expect((await ledger.fact(REF, '3.0.0'))?.version).toBe('3.0.0');
    expect((await ledger.fold(REF)).facts.has('3.0.0')).toBe(true);
  });

  it('is null for what was deleted, though its tag is still there', async () => {
    const { registry, ledger } = await reader();
    const undeletable = registry.view({ gate: { before: ({ kind }) => (kind === 'delete-tag' ? 'drop' : 'apply') } });

    await new Ledger({ registry: undeletable }).delete(REF, ['1.0.0'], BY);

    expect(await registry.repository(REF.repository).statManifest('1.0.0')).not.toBeNull();
    expect(await ledger.fact(REF, '1.0.0')).toBeNull();
  });

  it('is null, and said, for what is not ours', async () => {
    const { registry, ledger, log } = await reader();
    await registry.repository(REF.repository).writeManifest(rawManifest({}), { tag: 'latest' });

    expect(await ledger.fact(REF, 'latest')).toBeNull();
    expect(log.messages).toEqual(['the tag of a version holds something that is not ours']);
  });

  it.each(['storage-unavailable', 'storage-denied'] as const)('passes on %s', async (code) => {
    const { registry } = await reader();
    const away = registry.view({ gate: { before: () => { throw new ProxyError(code, 'no'); } } });

    await expect(new Ledger({ registry: away }).fact(REF, '1.0.0')).rejects.toMatchObject({ code });
  });

  it('is null, and said, where the tag holds wrong bytes', async () => {
    const { registry, log } = await reader();
    const wrong = registry.view({ gate: { before: () => { throw new ProxyError('integrity', 'wrong bytes'); } } });

    expect(await new Ledger({ registry: wrong, logger: log }).fact(REF, '1.0.0')).toBeNull();
    expect(log.messages).toEqual(['the tag of a version holds wrong data']);
  });
});

describe('open', () => {
  it('gives the file, and parts of it', async () => {
    const { ledger } = await reader();
    const [layer] = (await ledger.fact(REF, '1.0.0'))!.layers;

    const whole = await ledger.open(REF, layer!);
    const part = await ledger.open(REF, layer!, { range: { start: 0, end: 3 } });

    expect(await text(whole!.stream)).toBe('file of 1.0.0');
    expect([await text(part!.stream), part!.size]).toEqual(['file', 13]);
  });

  it('is null for a file that storage has lost, and reads nothing again where the version is as it was', async () => {
    const { view, ledger, log } = await reader();
    await ledger.fold(REF);
    requestsOf(view);

    expect(await ledger.open(REF, { digest: `sha256:${'0'.repeat(64)}`, size: 1 })).toBeNull();

    expect(requestsOf(view)).toEqual([`read-blob sha256:${'0'.repeat(64)}`]);
    expect(log.messages).toEqual(['storage has lost a file of a version']);
  });

  it('has the package read again when the version is not what the fold says', async () => {
    const { registry, ledger } = await reader();
    const before = (await ledger.fold(REF)).facts.get('1.0.0')!;
    const repository = registry.repository(REF.repository);
    const restored = newFact('1.0.0', { content: 'restored' });
    await repository.writeBlob(restored.layers[0]!.source);
    await repository.writeBlob({ ...restored.layers[0]!.source });
    const manifest = encodeFact(REF, { ...restored, document: newFact('1.0.0').document }, { origin: 'published', stamp: null });
    await repository.writeManifest(manifest, { tag: '1.0.0' });
    const lost = registry.view({ gate: {} });
    const reading = lost.repository(REF.repository);
    const losing = { check: async () => Promise.resolve(), close: async () => Promise.resolve(), repository: () => Object.assign(reading, { readBlob: async () => Promise.resolve(null) }) };
    const stale = new Ledger({ registry: losing });
    await stale.fold(REF);
    await repository.writeManifest(encodeFact(REF, newFact('1.0.0'), { origin: 'published', stamp: null }), { tag: '1.0.0' });
    requestsOf(lost);

    expect(await stale.open(REF, (await stale.fold(REF)).facts.get('1.0.0')!.layers[0]!)).toBeNull();

    expect((await stale.fold(REF)).facts.get('1.0.0')?.layers).toEqual(before.layers);
    expect(requestsOf(lost)).toContain('read-manifest 1.0.0');
  });
});
