import { Readable } from 'node:stream';
import { gunzipSync, gzipSync } from 'node:zlib';

import { bufferBlob, digestOf, isManifest, MemoryRegistry, parseManifest } from '@oci-package-proxy/oci';
import { beforeEach, describe, expect, it } from 'vitest';

import type { Entry } from './fold.ts';
import { Ledger } from './ledger.ts';
import { keptLog, newFact, rawBytes, rawManifest, REF, requestsOf } from './sample-fact.contract.ts';
import { decodeSnapshot, encodeSnapshot } from './snapshot-content.ts';
import { Snapshots } from './snapshot.ts';
import { LEDGER_TYPES } from './vendor.ts';

const MINUTE = 60_000;
/** More than are read as fast without a snapshot. */
const VERSIONS = ['1.0.0', '1.0.1', '1.0.2', '1.0.3', '1.0.4', '1.0.5', '1.0.6', '1.0.7', '1.0.8'];
let now = 0;
const clock = (): number => now;

beforeEach(() => {
  now = Date.parse('2026-06-01T00:00:00.000Z');
});

async function writeSnapshot(registry: MemoryRegistry, content: Buffer, changes: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const repository = registry.repository(REF.repository);
  const blob = bufferBlob(content);
  await repository.writeBlob(blob);
  const layers = [{ mediaType: 'application/gzip', digest: blob.digest, size: blob.size }];
  await repository.writeManifest(rawManifest({ artifactType: LEDGER_TYPES.snapshot, layers, ...changes }), { tag: '_snapshot' });
}

async function snapshotText(registry: MemoryRegistry): Promise<string> {
  const repository = registry.repository(REF.repository);
  const manifest = parseManifest((await repository.readManifest('_snapshot'))!);
  const layer = isManifest(manifest) ? manifest.layers[0] : undefined;
  const body = await repository.readBlob(layer!.digest);
  return gunzipSync(Buffer.concat(await body!.stream.toArray())).toString('utf8');
}

function factEntry(tag: string, document = '{}'): Entry {
  const digest = digestOf(tag);
  return {
    kind: 'fact', tag, digest,
    fact: {
      tag, version: tag, digest, artifactType: 'application/vnd.oci-package-proxy.test.v1', payload: tag, at: '', origin: 'upstream', document,
      layers: [{ mediaType: 'a', digest, size: 1, annotations: { a: 'b' } }], annotations: { c: 'd' }, assign: { e: [null] }, stamp: { sequence: 1, random: '0'.repeat(16) },
    },
  };
}

const ENTRIES: readonly Entry[] = [
  factEntry('1.0.0', JSON.stringify('line\nfeed and ü')),
  { kind: 'event', tag: '_e.0000000001.0123456789abcdef', digest: digestOf('e'), event: { key: 'k', value: null, at: 'a', by: 'b', stamp: { sequence: 1, random: '0123456789abcdef' } } },
  { kind: 'deletion', tag: `_t.${'a'.repeat(32)}` },
  { kind: 'origin', tag: '_origin', digest: digestOf('o'), origin: 'upstream' },
  { kind: 'ignored', tag: 'latest', digest: digestOf('i') },
];

describe('the content of a snapshot', () => {
  it('is read as it was written, whatever the order', async () => {
    const one = await encodeSnapshot(REF, ENTRIES);
    const two = await encodeSnapshot(REF, [...ENTRIES].reverse());

    expect(one.equals(two)).toBe(true);
    expect(await decodeSnapshot(REF, Readable.from([one]))).toEqual(new Map(ENTRIES.map((entry) => [entry.tag, entry])));
  });

  const good = JSON.stringify(factEntry('1.0.0'));
  const header = JSON.stringify({ format: 1, ecosystem: REF.ecosystem, name: REF.name });
  it.each([
    ['nothing', ''],
    ['no header', `${good}\n`],
    ['the header of another package', `${JSON.stringify({ format: 1, ecosystem: 'test', name: 'right-pad' })}\n${good}\n`],
    ['another format', `${JSON.stringify({ format: 2, ecosystem: 'test', name: REF.name })}\n${good}\n`],
    ['no JSON', `${header}\n{\n`],
    ['an unfinished line', `${header}\n${good}`],
    ['an unknown kind', `${header}\n${JSON.stringify({ kind: 'other', tag: 'a' })}\n`],
    ['a kind that is not that of the tag', `${header}\n${JSON.stringify({ kind: 'deletion', tag: '1.0.0' })}\n`],
    ['an ignored deletion', `${header}\n${JSON.stringify({ kind: 'ignored', tag: `_t.${'a'.repeat(32)}`, digest: digestOf('i') })}\n`],
    ['a version under another tag', `${header}\n${good.replace('"tag":"1.0.0"', '"tag":"2.0.0"')}\n`],
    ['a version with another digest', `${header}\n${good.replace(digestOf('1.0.0'), digestOf('2.0.0'))}\n`],
    ['no digest', `${header}\n${good.replaceAll('sha256:', 'md5:')}\n`],
    ['a stamp that is none', `${header}\n${good.replace('"sequence":1', '"sequence":-1')}\n`],
    ['an event without a value', `${header}\n${JSON.stringify({ ...ENTRIES[1], event: { key: 'k', at: 'a', by: 'b', stamp: { sequence: 1, random: '0123456789abcdef' } } })}\n`],
  ])('is refused when it has %s', async (_what, text) => {
    await expect(decodeSnapshot(REF, Readable.from([gzipSync(text)]))).rejects.toMatchObject({ code: 'integrity' });
  });
});

describe('a snapshot that is wrong', () => {
  it.each([
    ['no gzip', async (registry: MemoryRegistry) => writeSnapshot(registry, Buffer.from('no gzip'))],
    ['half a gzip', async (registry: MemoryRegistry) => writeSnapshot(registry, (await encodeSnapshot(REF, ENTRIES)).subarray(0, 40))],
    ['one of another package', async (registry: MemoryRegistry) => writeSnapshot(registry, await encodeSnapshot({ ...REF, name: 'other' }, ENTRIES))],
    ['another artifact type', async (registry: MemoryRegistry) => writeSnapshot(registry, await encodeSnapshot(REF, ENTRIES), { artifactType: 'other' })],
    ['no layers', async (registry: MemoryRegistry) => writeSnapshot(registry, await encodeSnapshot(REF, ENTRIES), { layers: [] })],
  ])('(%s) is not used, and is replaced', async (_what, spoil) => {
    const registry = new MemoryRegistry({ createOnly: true });
    const writer = new Ledger({ registry, clock });
    for (const version of VERSIONS) {
      await writer.ingest(REF, newFact(version));
    }
    const before = await writer.fold(REF);
    await spoil(registry);
    const log = keptLog();

    const fold = await new Ledger({ registry, clock, logger: log }).fold(REF);
    const replaced = await new Ledger({ registry, clock }).refreshSnapshot(REF);

    expect(fold).toEqual(before);
    expect(log.messages).toHaveLength(1);
    expect(replaced).toBe(true);
    expect((await new Snapshots({ registry, logger: log, clock }).load(REF))?.has('1.0.2')).toBe(true);
  });

  it('is left as soon as a version is met that is not what it says', async () => {
    const registry = new MemoryRegistry({ createOnly: true });
    const writer = new Ledger({ registry, clock });
    for (const version of VERSIONS) {
      await writer.ingest(REF, newFact(version));
    }
    await writer.refreshSnapshot(REF);
    const lies = (await snapshotText(registry)).replaceAll(/"digest":"sha256:.(.{63})","fact":\{"tag":"1.0.1","version":"1.0.1","digest":"sha256:.(.{63})"/g, '"digest":"sha256:f$1","fact":{"tag":"1.0.1","version":"lie","digest":"sha256:f$2"');
    await writeSnapshot(registry, gzipSync(lies));
    const log = keptLog();
    const view = registry.view({ actor: 'reader' });
    const reader = new Ledger({ registry: view, clock, logger: log });
    const lied = await reader.fold(REF);
    now += 11 * MINUTE;

    const fact = await reader.fact(REF, '1.0.1');
    requestsOf(view);
    const told = await reader.fold(REF);

    expect(lied.facts.get('1.0.1')?.version).toBe('lie');
    expect(fact?.version).toBe('1.0.1');
    expect(told.facts.get('1.0.1')).toEqual(fact);
    expect(requestsOf(view)).not.toContain('read-manifest _snapshot');
    expect(log.messages).toEqual(['a version is not what it was; the package is folded from its facts']);
    expect(await reader.refreshSnapshot(REF)).toBe(true);
    expect((await new Ledger({ registry, clock }).fold(REF)).facts.get('1.0.1')).toEqual(fact);
  });

  it('passes on that storage cannot be asked', async () => {
    const registry = new MemoryRegistry({ createOnly: true });
    const writer = new Ledger({ registry, clock });
    await Promise.all(VERSIONS.map((version) => writer.ingest(REF, newFact(version))));
    await writer.refreshSnapshot(REF);
    const away = registry.view({ gate: { before: ({ kind }) => { if (kind === 'read-blob') { throw new Error('away'); } } } });

    await expect(new Ledger({ registry: away, clock }).fold(REF)).rejects.toThrow('away');
  });
});

describe('refreshSnapshot', () => {
  async function withSnapshot(): Promise<{ readonly registry: MemoryRegistry; readonly ledger: Ledger }> {
    const registry = new MemoryRegistry({ createOnly: true });
    const ledger = new Ledger({ registry, clock });
    for (const version of VERSIONS) {
      await ledger.ingest(REF, newFact(version));
    }
    await ledger.refreshSnapshot(REF);
    return { registry, ledger };
  }

  it('does nothing for a package that has nothing', async () => {
    const registry = new MemoryRegistry();

    expect(await new Ledger({ registry }).refreshSnapshot(REF)).toBe(false);
    expect(registry.operations.map(({ kind }) => kind)).toEqual(['list-page', 'stat-manifest']);
  });

  it.each([
    { added: 0, minutes: 60, rewritten: false },
    { added: 1, minutes: 9, rewritten: false },
    { added: 1, minutes: 10, rewritten: true },
    { added: 32, minutes: 0, rewritten: false },
    { added: 33, minutes: 0, rewritten: true },
    // Another clock was wrong.
    { added: 1, minutes: -11, rewritten: true },
  ])('after $minutes min with $added new tags: $rewritten', async ({ added, minutes, rewritten }) => {
    const { registry, ledger } = await withSnapshot();
    for (let index = 1; index <= added; index += 1) {
      await ledger.ingest(REF, newFact(`2.0.${index}`));
    }
    now += minutes * MINUTE;

    const results = [await ledger.refreshSnapshot(REF), await new Ledger({ registry, clock }).refreshSnapshot(REF)];

    expect(results).toEqual([rewritten, false]);
  });

  it('writes none for so few tags that reading them costs no more', async () => {
    const registry = new MemoryRegistry({ createOnly: true });
    const ledger = new Ledger({ registry, clock });
    for (const version of VERSIONS.slice(0, 7)) {
      await ledger.ingest(REF, newFact(version));
    }

    const few = await ledger.refreshSnapshot(REF);
    await ledger.ingest(REF, newFact('2.0.0'));

    // With the origin's tag, 8 and then 9.
    expect([few, await ledger.refreshSnapshot(REF)]).toEqual([false, true]);
  });

  it('counts what is gone too', async () => {
    const { registry, ledger } = await withSnapshot();
    await (registry.repository(REF.repository) as unknown as { deleteTag(tag: string): Promise<boolean> }).deleteTag('1.0.0');
    now += 10 * MINUTE;

    expect(await ledger.refreshSnapshot(REF)).toBe(true);
  });

  it('asks for one digest when it wrote or read the snapshot itself', async () => {
    const { registry, ledger } = await withSnapshot();
    registry.operations.length = 0;

    await ledger.refreshSnapshot(REF);

    expect(requestsOf(registry)).toEqual(['list-page', 'stat-manifest _snapshot']);
  });

  it('keeps 10 000 versions out of the manifest', async () => {
    const registry = new MemoryRegistry();
    const entries = new Map(Array.from({ length: 10_000 }, (_, index) => {
      const entry = factEntry(`1.0.${index}`, JSON.stringify({ index, text: 'dependency '.repeat(100) }));
      return [entry.tag, entry];
    }));
    const snapshots = new Snapshots({ registry, logger: keptLog(), clock });

    const written = await snapshots.refresh(REF, entries);

    const manifest = await registry.repository(REF.repository).readManifest('_snapshot');
    expect(written).toBe(true);
    expect(manifest!.bytes.length).toBeLessThan(2000);
    expect((await snapshots.load(REF))?.get('1.0.9999')).toEqual(entries.get('1.0.9999'));
  });
});

describe('bytes under the tag that are no manifest', () => {
  it('are no snapshot', async () => {
    const log = keptLog();
    const repository = new MemoryRegistry().repository(REF.repository);
    const registry = { check: async () => Promise.resolve(), close: async () => Promise.resolve(), repository: () => Object.assign(repository, { readManifest: async () => Promise.resolve(rawBytes('{')) }) };

    expect(await new Snapshots({ registry, logger: log, clock }).load(REF)).toBeNull();
    expect(log.messages).toHaveLength(1);
  });
});
