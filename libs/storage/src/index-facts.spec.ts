import { rm } from 'node:fs/promises';
import { text } from 'node:stream/consumers';

import {
  type Descriptor,
  digestOf,
  EMPTY_DESCRIPTOR,
  type Gate,
  type Index,
  INDEX_MEDIA_TYPE,
  isManifest,
  LayoutRegistry,
  MANIFEST_MEDIA_TYPE,
  type Manifest,
  MemoryRegistry,
  parseManifest,
  type Registry,
} from '@oci-package-proxy/oci';
import { temporaryDirectory } from '@oci-package-proxy/testing';
import { afterEach, describe, expect, it } from 'vitest';

import { decodeFact } from './fact-decoding.ts';
import { childManifests, encodeFact } from './fact-manifest.ts';
import { Ledger } from './ledger.ts';
import type { NewFact } from './index.ts';
import { child, indexFact, keptLog, newFact, rawManifest, REF, requestsOf } from './sample-fact.contract.ts';
import { deletionTag } from './tags.ts';
import { ANNOTATIONS } from './vendor.ts';

const BY = { by: 'alice' };
const PUBLISHED = { origin: 'published', stamp: null } as const;

/** Above what is put inside the index: many layers, all of one blob. */
function wide(version: string): NewFact {
  const fact = indexFact(version);
  return { ...fact, layers: Array.from({ length: 1000 }, (_value, number) => ({ ...fact.layers[0]!, annotations: { number: String(number).padStart(40, '0') } })) };
}

async function indexUnder(registry: Registry, tag: string): Promise<Index> {
  const parsed = parseManifest((await registry.repository(REF.repository).readManifest(tag))!);
  if (isManifest(parsed)) {
    throw new Error(`${tag} is no index`);
  }
  return parsed;
}

describe('encodeFact of an index', () => {
  it('lists the children in their order, what else they are behind them, and our own last', () => {
    const also = [{ artifactType: 'application/vnd.other', annotations: { name: 'x.zip' } }, { artifactType: 'application/vnd.third' }];
    const fact = indexFact('1.0.0', { annotations: { note: 'n' }, index: { artifactType: 'application/vnd.example.index', children: [child('linux', { also }), child('darwin')] } });

    const index = parseManifest(encodeFact(REF, fact, PUBLISHED)) as Index;

    const [linux, darwin, own] = childManifests(fact);
    expect(index).toMatchObject({ schemaVersion: 2, mediaType: INDEX_MEDIA_TYPE, artifactType: 'application/vnd.example.index', annotations: { note: 'n', [ANNOTATIONS.tag]: '1.0.0', [ANNOTATIONS.payload]: fact.payload } });
    const first = { mediaType: MANIFEST_MEDIA_TYPE, digest: linux!.digest, size: linux!.bytes.length, platform: { os: 'linux', architecture: 'amd64' } };
    expect(index.manifests).toEqual([
      { ...first, artifactType: 'application/vnd.example.target' },
      { ...first, ...also[0] },
      { ...first, ...also[1] },
      { mediaType: MANIFEST_MEDIA_TYPE, digest: darwin!.digest, size: darwin!.bytes.length, artifactType: 'application/vnd.example.target', platform: { os: 'darwin', architecture: 'amd64' } },
      { mediaType: MANIFEST_MEDIA_TYPE, digest: own!.digest, size: own!.bytes.length, artifactType: fact.artifactType, data: own!.bytes.toString('base64') },
    ]);
  });

  it('has children that others can read: an empty config and their layers alone', () => {
    const [linux, , own] = childManifests(indexFact('1.0.0')).map((stored) => parseManifest(stored) as Manifest);

    expect(linux).toEqual({
      schemaVersion: 2,
      mediaType: MANIFEST_MEDIA_TYPE,
      artifactType: 'application/vnd.example.target',
      config: EMPTY_DESCRIPTOR,
      layers: [{ mediaType: 'archive/zip', digest: digestOf('file for linux'), size: 14 }],
    });
    expect(own?.layers.map(({ mediaType }) => mediaType)).toEqual([newFact('1.0.0').documentMediaType, 'application/octet-stream']);
  });

  it('has the same bytes for the same fact', () => {
    expect(encodeFact(REF, indexFact('1.0.0'), PUBLISHED).digest).toBe(encodeFact(REF, indexFact('1.0.0'), PUBLISHED).digest);
  });

  it('lists a child of two platforms twice, and writes it once', () => {
    const fact = indexFact('1.0.0', { index: { artifactType: 'application/vnd.example.index', children: [child('linux', { content: 'x' }), child('darwin', { content: 'x' })] } });

    expect((parseManifest(encodeFact(REF, fact, PUBLISHED)) as Index).manifests).toHaveLength(3);
    expect(childManifests(fact)).toHaveLength(2);
  });

  it('leaves a large manifest out of the index', () => {
    const index = parseManifest(encodeFact(REF, wide('1.0.0'), PUBLISHED)) as Index;

    expect(index.manifests.at(-1)).not.toHaveProperty('data');
  });
});

const directories: string[] = [];

async function madeDirectory(): Promise<string> {
  const directory = await temporaryDirectory('index-facts');
  directories.push(directory);
  return directory;
}

afterEach(async () => {
  await Promise.all(directories.splice(0).map((directory) => rm(directory, { recursive: true, force: true })));
});

describe.each([
  ['a registry that replaces tags', async () => new MemoryRegistry()],
  ['a registry that creates tags', async () => new MemoryRegistry({ createOnly: true })],
  ['a layout', async () => new LayoutRegistry({ directory: await madeDirectory() })],
])('facts that are indexes, in %s', (_what, create) => {
  it('are read as they were published', async () => {
    const registry = await create();
    const fact = indexFact('1.0.0', { assign: { latest: '1.0.0' } });

    expect(await new Ledger({ registry }).publish(REF, fact, BY)).toBe('created');

    const log = keptLog();
    const reader = new Ledger({ registry, logger: log });
    const read = await reader.fact(REF, '1.0.0');
    const stored = await registry.repository(REF.repository).readManifest('1.0.0');
    expect(read).toMatchObject({
      digest: stored?.digest,
      artifactType: fact.artifactType,
      document: fact.document,
      payload: fact.payload,
      assign: fact.assign,
      layers: [{ mediaType: 'application/octet-stream', digest: digestOf('file of 1.0.0'), size: 13 }],
    });
    expect((await reader.fold(REF)).facts.get('1.0.0')).toEqual(read);
    const file = await reader.open(REF, { digest: digestOf('file for darwin'), size: 15 });
    expect(await text(file!.stream)).toBe('file for darwin');
    expect(log.messages).toEqual([]);
    await registry.close();
  });

  it.each([indexFact('1.0.0'), wide('1.0.0'), indexFact('1.0.0', { document: JSON.stringify('x'.repeat(33 * 1024)) })])('are read from a snapshot as from their tags: %#', async (fact) => {
    const registry = await create();
    const writer = new Ledger({ registry });
    await writer.publish(REF, fact, BY);
    for (let number = 0; number < 10; number += 1) {
      await writer.publish(REF, newFact(`2.0.${number}`), BY);
    }
    const direct = await new Ledger({ registry }).fold(REF);

    expect(await writer.refreshSnapshot(REF)).toBe(true);
    expect(await new Ledger({ registry }).fold(REF)).toEqual(direct);
    expect(direct.facts.get('1.0.0')?.document).toBe(fact.document);
    await registry.close();
  });

  it('are the same again, and another one a conflict', async () => {
    const registry = await create();
    const ledger = new Ledger({ registry });
    await ledger.publish(REF, indexFact('1.0.0'), BY);

    expect(await ledger.publish(REF, indexFact('1.0.0'), { by: 'bob' })).toBe('same');
    await expect(ledger.publish(REF, indexFact('1.0.0', { content: 'other' }), BY)).rejects.toMatchObject({ code: 'conflict' });
    await registry.close();
  });

  it('are gone when they are deleted', async () => {
    const registry = await create();
    const ledger = new Ledger({ registry });
    await ledger.publish(REF, indexFact('1.0.0'), BY);

    await ledger.delete(REF, ['1.0.0'], BY);

    expect(await ledger.fact(REF, '1.0.0')).toBeNull();
    expect((await ledger.fold(REF)).facts.size).toBe(0);
    await registry.close();
  });

  it('can be pulled through, by whoever and however often', async () => {
    const registry = await create();

    expect(await new Ledger({ registry }).ingest(REF, indexFact('1.0.0'))).toBe('stored');
    expect(await new Ledger({ registry }).ingest(REF, indexFact('1.0.0'))).toBe('present');
    expect(await new Ledger({ registry }).fact(REF, '1.0.0')).toMatchObject({ origin: 'upstream', document: newFact('1.0.0').document });
    await registry.close();
  });
});

describe('requests for facts that are indexes', () => {
  it('writes all blobs, then the children without tags, then the index', async () => {
    const registry = new MemoryRegistry({ createOnly: true });
    const fact = indexFact('1.0.0');

    await new Ledger({ registry }).publish(REF, fact, BY);

    const requests = requestsOf(registry);
    const children = childManifests(fact).map(({ digest }) => requests.indexOf(`write-manifest ${digest}`));
    expect(children.every((at) => at > requests.findLastIndex((request) => request.startsWith('write-blob ')))).toBe(true);
    expect(children).toEqual(children.toSorted((left, right) => left - right));
    expect(requests.indexOf('create-tag 1.0.0')).toBeGreaterThan(children.at(-1) ?? Infinity);
  });

  it.each([
    ['one and a deletion where the child is inside', indexFact('1.0.0'), []],
    ['one more where it is not', wide('1.0.0'), [`read-manifest ${childManifests(wide('1.0.0')).at(-1)!.digest}`]],
  ])('needs %s', async (_what, fact, more) => {
    const registry = new MemoryRegistry({ createOnly: true });
    await new Ledger({ registry }).publish(REF, fact, BY);
    requestsOf(registry);

    expect(await new Ledger({ registry }).fact(REF, '1.0.0')).toMatchObject({ document: fact.document, layers: { length: fact.layers.length } });
    expect(requestsOf(registry)).toEqual(['read-manifest 1.0.0', `stat-manifest ${deletionTag('1.0.0')}`, ...more]);
  });

  it('repairs the blobs and children of one that is ingested again', async () => {
    const registry = new MemoryRegistry();
    await new Ledger({ registry }).ingest(REF, indexFact('1.0.0'));
    requestsOf(registry);

    await new Ledger({ registry }).ingest(REF, indexFact('1.0.0'));

    const requests = requestsOf(registry);
    expect(requests).toContain(`write-blob ${digestOf('file for linux')}`);
    expect(requests).toContain(`write-manifest ${childManifests(indexFact('1.0.0'))[0]!.digest}`);
  });
});

describe('rivals for one index', () => {
  it('decide one of them on a registry without create-only tags', async () => {
    const registry = new MemoryRegistry();
    const meet = Promise.withResolvers<void>();
    let arrived = 0;
    // Both have read that nothing is there before either claims anything.
    const gate: Gate = {
      before: async ({ kind, reference = '' }) => {
        if (kind !== 'write-manifest' || !reference.startsWith('_c.')) {
          return;
        }
        arrived += 1;
        if (arrived === 2) {
          meet.resolve();
        }
        await meet.promise;
      },
    };
    // The origin is decided before, so that the claims are those on the version.
    await new Ledger({ registry }).decideOrigin(REF, 'published');
    const contents = ['left', 'right'];

    const outcomes = await Promise.allSettled(contents.map((content) => {
      const index = { artifactType: 'application/vnd.example.index', children: [child('linux', { content: `zip of ${content}` })] };
      return new Ledger({ registry: registry.view({ gate, actor: content }) }).publish(REF, indexFact('1.0.0', { content, index }), BY);
    }));

    const won = outcomes.findIndex(({ status }) => status === 'fulfilled');
    const reader = new Ledger({ registry });
    expect(arrived).toBeGreaterThanOrEqual(2);
    expect(outcomes[won]).toEqual({ status: 'fulfilled', value: 'created' });
    expect(outcomes[1 - won]).toMatchObject({ status: 'rejected', reason: { code: 'conflict' } });
    expect(await reader.fact(REF, '1.0.0')).toMatchObject({ payload: digestOf(contents[won]!) });
    expect((await indexUnder(registry, '1.0.0')).manifests[0]?.digest).toBe(childManifests(indexFact('1.0.0', { index: { artifactType: '', children: [child('linux', { content: `zip of ${contents[won]}` })] } }))[0]!.digest);
  });

  it('is finished by anybody where the winner died before it put the tag', async () => {
    const registry = new MemoryRegistry();
    await new Ledger({ registry }).decideOrigin(REF, 'published');
    const dies: Gate = { before: ({ kind, reference }) => {
      if (kind === 'write-manifest' && reference === '1.0.0') {
        throw new Error('killed');
      }
    } };
    await expect(new Ledger({ registry: registry.view({ gate: dies }) }).publish(REF, indexFact('1.0.0', { content: 'first' }), BY)).rejects.toThrow('killed');

    await expect(new Ledger({ registry }).publish(REF, indexFact('1.0.0', { content: 'second' }), BY)).rejects.toMatchObject({ code: 'conflict' });

    expect(await new Ledger({ registry }).fact(REF, '1.0.0')).toMatchObject({ payload: digestOf('first') });
    expect((await indexUnder(registry, '1.0.0')).manifests).toHaveLength(3);
  });
});

describe('decodeFact of an index', () => {
  function changed(change: (index: { annotations: Record<string, string>; manifests: Descriptor[] } & Record<string, unknown>) => void, fact = indexFact('1.0.0')): ReturnType<typeof rawManifest> {
    const index = structuredClone(parseManifest(encodeFact(REF, fact, PUBLISHED))) as never;
    change(index);
    return rawManifest({ config: undefined, layers: undefined, ...(index as object) }, INDEX_MEDIA_TYPE);
  }

  it('finds what was not changed', () => {
    expect(decodeFact(REF, '1.0.0', changed(() => undefined))).toMatchObject({ content: { document: newFact('1.0.0').document } });
  });

  it.each([
    ['no child of ours', changed(({ manifests }) => { manifests.pop(); })],
    ['a child of ours that is an index', changed(({ manifests }) => { Object.assign(manifests[2]!, { mediaType: INDEX_MEDIA_TYPE }); })],
    ['a child of the ledger', changed(({ manifests }) => { Object.assign(manifests[2]!, { artifactType: 'application/vnd.oci-package-proxy.event.v1' }); })],
    ['types that are no texts', changed(({ manifests }) => { for (const entry of manifests) { Object.assign(entry, { artifactType: 5 }); } })],
    ['no artifact type', changed((index) => { delete index['artifactType']; })],
    ['a type of the ledger', changed((index) => { index['artifactType'] = 'application/vnd.oci-package-proxy.claim.v1'; })],
    ['the mark of a derived one', changed(({ annotations }) => { annotations[ANNOTATIONS.derived] = 'index'; })],
    ['another package', changed(({ annotations }) => { annotations[ANNOTATIONS.package] = 'right-pad'; })],
    ['another tag', changed(({ annotations }) => { annotations[ANNOTATIONS.tag] = '1.0.1'; })],
    ['no annotations', changed((index) => { delete (index as Record<string, unknown>)['annotations']; })],
    ['a child inside that is none of ours', changed(({ manifests }) => {
      const other = rawManifest({ artifactType: 'application/vnd.oci-package-proxy.test.v1' });
      Object.assign(manifests[2]!, { digest: other.digest, size: other.bytes.length, data: other.bytes.toString('base64') });
    })],
  ])('finds none in one with %s', (_what, stored) => {
    expect(decodeFact(REF, '1.0.0', stored)).toBeNull();
  });

  it.each([{ data: 5 }, { data: Buffer.from('other').toString('base64') }])('reads the child where what is inside is not what its digest says: %j', (change) => {
    const [, , own] = childManifests(indexFact('1.0.0'));

    expect(decodeFact(REF, '1.0.0', changed(({ manifests }) => { Object.assign(manifests[2]!, change); }))?.content).toEqual({ mediaType: MANIFEST_MEDIA_TYPE, digest: own?.digest, size: own?.bytes.length });
  });

  it.each([
    ['lost, and is there again when the child is', false, 'storage has lost the document of a version'],
    ['of somebody else', true, 'a tag does not hold what it must; it is ignored'],
  ])('leaves out what has a child outside that is %s', async (_what, there, message) => {
    const registry = new MemoryRegistry();
    const repository = registry.repository(REF.repository);
    await new Ledger({ registry }).publish(REF, newFact('0.1.0'), BY);
    const other = rawManifest({ artifactType: 'application/vnd.oci-package-proxy.test.v1', layers: [EMPTY_DESCRIPTOR] });
    await repository.writeManifest(other, {});
    await repository.writeManifest(changed(({ manifests }) => { manifests.splice(0, 3, { mediaType: MANIFEST_MEDIA_TYPE, digest: other.digest, size: other.bytes.length, artifactType: 'application/vnd.oci-package-proxy.test.v1' }); }), { tag: '1.0.0' });
    const log = keptLog();
    const hidden: Gate = { before: ({ kind, reference }) => {
      if (kind === 'read-manifest' && reference === other.digest) {
        throw new Error('asked for');
      }
    } };
    const view = there ? registry : new LosingRegistry(registry, other.digest);
    const reader = new Ledger({ registry: view, logger: log });

    expect([...(await reader.fold(REF)).facts.keys()]).toEqual(['0.1.0']);
    expect(await new Ledger({ registry: view }).fact(REF, '1.0.0')).toBeNull();
    expect(log.messages).toEqual([message]);
    await expect(new Ledger({ registry: registry.view({ gate: hidden }) }).fact(REF, '1.0.0')).rejects.toThrow('asked for');
  });
});

/** Has everything but one manifest. */
class LosingRegistry implements Registry {
  readonly #registry: MemoryRegistry;
  readonly #lost: string;

  constructor(registry: MemoryRegistry, lost: string) {
    this.#registry = registry;
    this.#lost = lost;
  }

  repository(name: string): ReturnType<Registry['repository']> {
    const repository = this.#registry.repository(name);
    const read = repository.readManifest.bind(repository);
    repository.readManifest = async (reference, options) => (reference === this.#lost ? null : read(reference, options));
    return repository;
  }

  check(): Promise<void> {
    return this.#registry.check();
  }

  close(): Promise<void> {
    return this.#registry.close();
  }
}
