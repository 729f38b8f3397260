import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

import { ProxyError } from '@oci-package-proxy/errors';
import { digestOf, type Gate, isTagDeleter, type MemoryOperation, MemoryRegistry } from '@oci-package-proxy/oci';
import { describe, expect, it } from 'vitest';

import { Ledger } from './ledger.ts';
import type { NewFact, PackageRef } from './index.ts';
import { child, indexFact, keptLog, newFact, rawManifest, REF, requestsOf } from './sample-fact.contract.ts';
import { deletionTag } from './tags.ts';

const BY = { by: 'alice' };
const MODES = [{ createOnly: true }, { createOnly: false }];

// Distinct, and so small that nobody who backs off waits.
let drawn = 0;
function random(): number {
  drawn += 1;
  return drawn / 1e7;
}

function isPut(operation: MemoryOperation, tag: string): boolean {
  return (operation.kind === 'write-manifest' || operation.kind === 'create-tag') && operation.reference === tag;
}

async function removeTag(registry: MemoryRegistry, tag: string): Promise<void> {
  const repository = registry.repository(REF.repository);
  if (isTagDeleter(repository)) {
    await repository.deleteTag(tag);
  }
}

/** What anybody sees who has nothing cached: the files of every version. */
async function visible(registry: MemoryRegistry): Promise<Record<string, string>> {
  const ledger = new Ledger({ registry: registry.view({ actor: 'observer' }) });
  const seen: Record<string, string> = {};
  for (const fact of (await ledger.fold(REF)).facts.values()) {
    const body = await ledger.open(REF, fact.layers[0]!);
    seen[fact.tag] = await text(body!.stream);
    expect(await ledger.fact(REF, fact.tag)).toEqual(fact);
  }
  return seen;
}

describe.each(MODES)('publish, create-only tags: $createOnly', ({ createOnly }) => {
  it('lists the package, then writes each blob once, then the tag, then lists', async () => {
    const registry = new MemoryRegistry({ createOnly });
    const fact = newFact('1.0.0');
    const twice = { ...fact, layers: [...fact.layers, ...fact.layers] };

    await new Ledger({ registry }).publish(REF, twice, BY);

    const own = registry.operations.filter(({ repository }) => repository === REF.repository);
    const catalogued = registry.operations.findIndex((operation) => isPut(operation, 'left-pad'));
    const committed = registry.operations.findIndex((operation) => isPut(operation, '1.0.0'));
    const blobs = registry.operations.filter(({ kind, reference }) => kind === 'write-blob' && reference === fact.payload);
    expect(catalogued).toBeGreaterThan(-1);
    expect(registry.operations.findIndex(({ reference }) => reference === fact.payload)).toBeGreaterThan(catalogued);
    expect(registry.operations.findLastIndex(({ kind }) => kind === 'write-blob')).toBeLessThan(committed);
    expect(blobs).toHaveLength(1);
    expect(own.at(-1)?.kind).toBe('list-page');
  });

  it('lists a package in the catalogue once', async () => {
    const registry = new MemoryRegistry({ createOnly });
    const ledger = new Ledger({ registry });

    await ledger.publish(REF, newFact('1.0.0'), BY);
    requestsOf(registry);
    await ledger.publish(REF, newFact('1.0.1'), BY);

    expect(registry.operations.filter(({ repository }) => repository !== REF.repository)).toEqual([]);
  });

  it('hands every file over as it is, without reading it', async () => {
    const registry = new MemoryRegistry({ createOnly });
    let opened = 0;
    const bytes = Buffer.from('big');
    const source = { digest: digestOf(bytes), size: 3, open: () => { opened += 1; return Readable.from([bytes], { objectMode: false }); } };

    await new Ledger({ registry }).publish(REF, { ...newFact('1.0.0'), layers: [{ mediaType: 'a', source }] }, BY);

    expect(opened).toBe(1);
  });

  it('stores nothing of a file that is not what it promised', async () => {
    const registry = new MemoryRegistry({ createOnly });
    const source = { digest: digestOf('other'), size: 3, open: () => Readable.from([Buffer.from('big')], { objectMode: false }) };

    const publish = new Ledger({ registry }).publish(REF, { ...newFact('1.0.0'), layers: [{ mediaType: 'a', source }] }, BY);

    await expect(publish).rejects.toMatchObject({ code: 'integrity' });
    expect(await visible(registry)).toEqual({});
  });

  it('stamps what it assigns after all that is visible, and only then', async () => {
    const registry = new MemoryRegistry({ createOnly });
    const ledger = new Ledger({ registry });
    await ledger.publish(REF, newFact('1.0.0', { assign: { latest: '1.0.0' } }), BY);
    await ledger.fold(REF);
    await new Ledger({ registry: registry.view({}) }).record(REF, [{ key: 'latest', value: 'none' }, { key: 'x', value: 1 }], BY);

    await ledger.publish(REF, newFact('2.0.0', { assign: { latest: '2.0.0' } }), BY);
    await ledger.publish(REF, newFact('3.0.0'), BY);

    const { facts, values, sequence } = await ledger.fold(REF);
    expect(facts.get('2.0.0')?.stamp).toEqual({ sequence: 4, random: expect.stringMatching(/^[0-9a-f]{16}$/) as string });
    expect(facts.get('3.0.0')?.stamp).toBeNull();
    expect(values.get('latest')?.value).toBe('2.0.0');
    expect(sequence).toBe(4);
  });

  it('reads the tag of the version, whatever the list says', async () => {
    const registry = new MemoryRegistry({ createOnly });
    await new Ledger({ registry }).publish(REF, newFact('1.0.0'), BY);
    const ledger = new Ledger({ registry: registry.view({ gate: { before: ({ kind }) => { if (kind === 'list-page') { throw new ProxyError('storage-unavailable', 'no lists'); } } } }) });

    expect(await ledger.publish(REF, newFact('1.0.0'), BY)).toBe('same');
    await expect(ledger.publish(REF, newFact('1.0.0', { content: 'other' }), BY)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('tells of the change when it is visible and before it returns, and drops its own list', async () => {
    const registry = new MemoryRegistry({ createOnly });
    const seen: unknown[] = [];
    const observer = new Ledger({ registry: registry.view({}) });
    const ledger = new Ledger({ registry, changes: { changed: async (ref) => { seen.push(ref, [...(await observer.fold(ref, { fresh: true })).facts.keys()]); } } });
    await ledger.fold(REF);

    await ledger.publish(REF, newFact('1.0.0'), BY);

    expect(seen).toEqual([REF, ['1.0.0']]);
    expect((await ledger.fold(REF)).facts.size).toBe(1);
  });

  it('is stored even if nobody can be told', async () => {
    const log = keptLog();
    const ledger = new Ledger({ registry: new MemoryRegistry({ createOnly }), logger: log, changes: { changed: async () => Promise.reject(new Error('no')) } });

    expect(await ledger.publish(REF, newFact('1.0.0'), BY)).toBe('created');
    expect(log.messages).toEqual(['a change could not be announced']);
  });

  it('lets one at a time write a package', async () => {
    const registry = new MemoryRegistry({ createOnly });
    const ledger = new Ledger({ registry });

    const outcomes = await Promise.allSettled([
      ledger.publish(REF, newFact('1.0.0'), BY),
      ledger.publish(REF, newFact('1.0.0'), BY),
      ledger.publish(REF, newFact('1.0.0', { content: 'other' }), BY),
    ]);

    expect(outcomes).toMatchObject([{ value: 'created' }, { value: 'same' }, { reason: { code: 'conflict' } }]);
  });

  it('lets large files of one package be uploaded side by side', async () => {
    const registry = new MemoryRegistry({ createOnly });
    const both = Promise.withResolvers<void>();
    let uploading = 0;
    const slow = (version: string): NewFact => {
      const fact = newFact(version);
      const [layer] = fact.layers;
      const open = (): Readable => Readable.from((async function* upload() {
        uploading += 1;
        if (uploading === 2) {
          both.resolve();
        }
        await both.promise;
        yield Buffer.from(`file of ${version}`);
      })(), { objectMode: false });
      return { ...fact, layers: [{ ...layer!, source: { ...layer!.source, open } }] };
    };
    const ledger = new Ledger({ registry });

    const outcomes = await Promise.all([ledger.publish(REF, slow('1.0.0'), BY), ledger.publish(REF, slow('2.0.0'), BY)]);

    expect(outcomes).toEqual(['created', 'created']);
    expect(Object.keys(await visible(registry))).toEqual(['1.0.0', '2.0.0']);
  });

  it('lets one of two replicas win, and both say the truth', async () => {
    const registry = new MemoryRegistry({ createOnly });
    const publish = async (content: string): Promise<unknown> => new Ledger({ registry: registry.view({}) }).publish(REF, newFact('1.0.0', { content, assign: { latest: '1.0.0' } }), BY);

    const outcomes = await Promise.allSettled([publish('one'), publish('two'), publish('one')]);

    const { '1.0.0': stored } = await visible(registry);
    const told = outcomes.map((outcome) => outcome.status === 'fulfilled');
    expect(told).toEqual(stored === 'one' ? [true, false, true] : [false, true, false]);
    expect(outcomes.filter(({ status }) => status === 'rejected').every((outcome) => 'reason' in outcome && (outcome.reason as ProxyError).code === 'conflict')).toBe(true);
  });

  it('puts again what a registry acknowledged and lost', async () => {
    const registry = new MemoryRegistry({ createOnly });
    let losses = 2;
    const gate: Gate = { before: async ({ kind }) => {
      const written = kind === 'list-page' && (await registry.repository(REF.repository).statManifest('1.0.0')) !== null;
      if (written && losses > 0) {
        losses -= 1;
        await removeTag(registry, '1.0.0');
      }
    } };

    const outcome = await new Ledger({ registry: registry.view({ gate }) }).publish(REF, newFact('1.0.0'), BY);

    expect([outcome, losses]).toEqual(['created', 0]);
    expect(await visible(registry)).toEqual({ '1.0.0': 'file of 1.0.0' });
  });

  it('says so when the registry loses it again and again', async () => {
    const registry = new MemoryRegistry({ createOnly });
    const gate: Gate = { before: async ({ kind }) => (kind === 'list-page' ? removeTag(registry, '1.0.0') : undefined) };

    const publish = new Ledger({ registry: registry.view({ gate }) }).publish(REF, newFact('1.0.0'), BY);

    await expect(publish).rejects.toMatchObject({ code: 'storage-unavailable' });
  });

  it('yields to a deletion that raced with it', async () => {
    const registry = new MemoryRegistry({ createOnly });
    let raced = false;
    const gate: Gate = { after: async (operation) => {
      if (isPut(operation, '1.0.0') && !raced) {
        raced = true;
        await new Ledger({ registry }).delete(REF, ['1.0.0'], BY);
      }
    } };

    const publish = new Ledger({ registry: registry.view({ gate }) }).publish(REF, newFact('1.0.0'), BY);

    await expect(publish).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('deleted') as string });
    expect(await visible(registry)).toEqual({});
    // The rounds put what they decided once more; it is hidden all the same.
    expect((await registry.repository(REF.repository).statManifest('1.0.0')) === null).toBe(createOnly);
  });

  it.each([
    ['something that is not ours', '1.0.0', rawManifest({}), 'conflict'],
    ['an origin that is none', '_origin', rawManifest({}), 'integrity'],
  ])('says what is in the way: %s', async (_what, tag, manifest, code) => {
    const registry = new MemoryRegistry({ createOnly });
    const ledger = new Ledger({ registry });
    await ledger.record(REF, [{ key: 'a', value: 1 }], BY);
    await registry.repository(REF.repository).writeManifest(manifest, { tag });

    await expect(ledger.publish(REF, newFact('1.0.0'), BY)).rejects.toMatchObject({ code, message: expect.stringMatching(/[Rr]emove/) as string });
  });

  it('refuses a package that is pulled through', async () => {
    const registry = new MemoryRegistry({ createOnly });
    await new Ledger({ registry }).ingest(REF, newFact('1.0.0'));

    const publish = new Ledger({ registry }).publish(REF, newFact('2.0.0'), BY);

    await expect(publish).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('upstream') as string });
  });

  it.each<[string, NewFact, string]>([
    ['a document that is too large', newFact('1.0.0', { document: JSON.stringify('x'.repeat(16 * 1024 * 1024)) }), 'too-large'],
    ['a tag of the ledger', newFact('1.0.0', { tag: '_snapshot' }), 'internal'],
    ['a type of the ledger', newFact('1.0.0', { artifactType: 'application/vnd.oci-package-proxy.event.v1' }), 'internal'],
    ['no type', newFact('1.0.0', { artifactType: '' }), 'internal'],
    ['a document of somebody else', newFact('1.0.0', { documentMediaType: 'application/json' }), 'internal'],
    ['an index whose own child is not found by its type', indexFact('1.0.0', { artifactType: 'application/vnd.other' }), 'internal'],
    ['an index with a type of the ledger', indexFact('1.0.0', { index: { artifactType: 'application/vnd.oci-package-proxy.claim.v1', children: [] } }), 'internal'],
    ['a child that could be taken for our own', indexFact('1.0.0', { index: { artifactType: 'application/vnd.other', children: [child('linux', { artifactType: 'application/vnd.oci-package-proxy.x' })] } }), 'internal'],
    ['more children than an index can name', indexFact('1.0.0', { index: { artifactType: 'application/vnd.other', children: Array.from({ length: 20_000 }, () => child('linux')) } }), 'too-large'],
    ['a further tag that is the first one', newFact('1.0.0', { aliases: ['1.0.0'] }), 'internal'],
    ['a further tag of the ledger', newFact('1.0.0', { aliases: ['_origin'] }), 'internal'],
    ['no document', newFact('1.0.0', { document: '' }), 'internal'],
    ['a payload that is too long', newFact('1.0.0', { payload: 'x'.repeat(1025) }), 'internal'],
    ['no time', newFact('1.0.0', { at: 'soon' }), 'internal'],
  ])('refuses %s before anything is written', async (_what, fact, code) => {
    const registry = new MemoryRegistry({ createOnly });

    await expect(new Ledger({ registry }).publish(REF, fact, BY)).rejects.toMatchObject({ code });
    expect(registry.operations).toEqual([]);
  });

  it('ends when the caller goes away', async () => {
    const registry = new MemoryRegistry({ createOnly });

    const publish = new Ledger({ registry }).publish(REF, newFact('1.0.0'), { ...BY, signal: AbortSignal.abort() });

    await expect(publish).rejects.toMatchObject({ code: 'aborted' });
    expect(await visible(registry)).toEqual({});
  });
});

const SHAPES = [{ shape: 'a manifest', make: newFact }, { shape: 'an index', make: indexFact }];

describe.each(MODES.flatMap((mode) => SHAPES.map((shape) => ({ ...mode, ...shape }))))('a crash of publish of $shape, create-only tags: $createOnly', ({ createOnly, make }) => {
  const FACT = make('1.0.0', { assign: { latest: '1.0.0' }, document: JSON.stringify('x'.repeat(40_000)) });

  async function requestCount(): Promise<number> {
    const registry = new MemoryRegistry({ createOnly });
    await new Ledger({ registry, random }).publish(REF, FACT, BY);
    return registry.operations.length;
  }

  async function crash(moment: 'before' | 'after', at: number): Promise<{ readonly registry: MemoryRegistry; readonly failure: unknown }> {
    const registry = new MemoryRegistry({ createOnly });
    let count = 0;
    const gate: Gate = { [moment]: () => {
      count += 1;
      // A process that died makes no request any more.
      if (count > at) {
        throw new ProxyError('storage-unavailable', 'crashed');
      }
    } };
    const [result] = await Promise.allSettled([new Ledger({ registry: registry.view({ gate }), random }).publish(REF, FACT, BY)]);
    return { registry, failure: result?.status === 'rejected' ? result.reason : null };
  }

  it.each(['before', 'after'] as const)('%s any request leaves nothing or the whole version, and a retry succeeds', async (moment) => {
    const requests = await requestCount();
    expect(requests).toBeGreaterThan(8);

    for (let at = 0; at < requests; at += 1) {
      const { registry, failure } = await crash(moment, at);
      const seen = await visible(registry);
      const assigned = (await new Ledger({ registry }).fold(REF)).values.get('latest')?.value;

      expect(failure, `request ${at}`).toMatchObject({ code: 'storage-unavailable' });
      expect([JSON.stringify(seen), assigned]).toEqual(Object.keys(seen).length === 0 ? ['{}', undefined] : ['{"1.0.0":"file of 1.0.0"}', '1.0.0']);
      expect(['created', 'same']).toContain(await new Ledger({ registry: registry.view({}), random }).publish(REF, FACT, BY));
      expect(await visible(registry)).toEqual({ '1.0.0': 'file of 1.0.0' });
    }
  });

  it('never lets another publish take over what somebody may have seen', async () => {
    const requests = await requestCount();

    for (let at = 0; at < requests; at += 1) {
      const { registry } = await crash('after', at);
      const seen = await visible(registry);
      const [other] = await Promise.allSettled([new Ledger({ registry: registry.view({}), random }).publish(REF, newFact('1.0.0', { content: 'other' }), BY)]);
      const { '1.0.0': stored } = await visible(registry);

      expect(stored, `request ${at}`).toBe(other?.status === 'fulfilled' ? 'other' : 'file of 1.0.0');
      expect(seen['1.0.0'] ?? stored).toBe(stored);
    }
  });
});

describe('names of other lengths', () => {
  it('are published like any other', async () => {
    const ref: PackageRef = { ecosystem: 'test', name: 'n'.repeat(300), repository: 'test/long' };
    const registry = new MemoryRegistry({ createOnly: true });
    const ledger = new Ledger({ registry, flat: true });

    await ledger.publish(ref, newFact('1.0.0'), BY);

    expect(await Readable.from(ledger.packages('test')).toArray()).toEqual([ref.name]);
    expect(registry.operations.map(({ repository }) => repository).filter((name) => name.startsWith('catalog'))).toEqual(expect.arrayContaining([expect.stringMatching(/^catalog-0-test-0-[0-9a-f]$/)]));
    expect((await ledger.fold(ref)).deletedTags.has(deletionTag('1.0.0'))).toBe(false);
  });
});
