import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import { isProxyError } from '@oci-package-proxy/errors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { bufferBlob } from './model/blob-source.ts';
import { type Digest, digestOf } from './model/digest.ts';
import { EMPTY_BYTES, EMPTY_DESCRIPTOR, INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE, type ManifestBytes } from './model/manifest.ts';
import { MAX_MANIFEST_BYTES } from './model/manifest-bytes.ts';
import { type BlobSource, type CallOptions, isTagCreator, isTagDeleter, type Registry, type Repository } from './ports/repository.ts';

/** A store that a driver's spec brings up for the contract suite. */
export interface RegistryUnderTest {
  /** A new client of the same store: another process, as far as the driver can tell. */
  connect(): Registry;
  /** Overwrites the stored bytes of a blob behind the store's back. */
  corrupt(repository: string, digest: Digest, bytes: Buffer): Promise<void>;
  stop(): Promise<void>;
}

/** Which optional powers the store has, and what its size allows. */
export interface Powers {
  readonly createsTags: boolean;
  /** Whether `deleteTag` gets rid of a tag; where it does not it says so. */
  readonly deletesTags: boolean;
  /** Where the store answers otherwise than most do. */
  readonly oddities?: {
    /** To a manifest that names missing blobs; `taken`: it is stored. Most: `unprocessable`. */
    readonly missingParts?: string;
    /** To a part that begins after the end. Most: `range-not-satisfiable`. */
    readonly rangeBeyond?: string;
    /** Whether it has checked the bytes of a blob itself and says that the blob is missing when they were damaged. */
    readonly hidesDamage?: boolean;
  };
}

const FILE = Buffer.from('the file');
const GIVEN_UP = AbortSignal.abort();

/** The Repository port's promises, checked on one driver: every driver's spec runs this. */
export function describeRepositoryContract(label: string, start: () => Promise<RegistryUnderTest>, powers: Powers): void {
  describe(`${label} as a Repository`, () => {
    let store: RegistryUnderTest;
    let registry: Registry;
    const others: Registry[] = [];
    /** As they were asked for; a registry may call them otherwise. */
    const names = new WeakMap<Repository, string>();
    let number = 0;

    beforeAll(async () => {
      store = await start();
      registry = store.connect();
    });

    afterAll(async () => {
      await Promise.all([registry, ...others].map((client) => client.close()));
      await store.stop();
    });

    function fresh(): Repository {
      number += 1;
      const repository = registry.repository(`pkg/r${number}`);
      names.set(repository, `pkg/r${number}`);
      return repository;
    }

    async function ready(): Promise<Repository> {
      const repository = fresh();
      await seed(repository);
      return repository;
    }

    function another(repository: Repository): Repository {
      const client = store.connect();
      others.push(client);
      return client.repository(names.get(repository) ?? expect.fail());
    }

    describe('blobs', () => {
      it.each([1, 2, 65_535, 65_536, 65_537, 3_000_000])('of %i bytes come back as they went', async (size) => {
        const repository = fresh();
        const bytes = randomBytes(size);
        const digest = digestOf(bytes);

        await repository.writeBlob(bufferBlob(bytes));
        const body = await repository.readBlob(digest);

        expect(await repository.statBlob(digest)).toBe(size);
        expect(body?.size).toBe(size);
        expect((await buffer(body?.stream ?? expect.fail())).equals(bytes)).toBe(true);
      });

      it('may be written again, and by many at a time', async () => {
        const repository = fresh();
        const bytes = randomBytes(200_000);

        await Promise.all([repository, another(repository), repository].map((writer) => writer.writeBlob(bufferBlob(bytes))));
        await repository.writeBlob(bufferBlob(bytes));

        expect((await content(repository, digestOf(bytes)))?.equals(bytes)).toBe(true);
      });

      it.each<[number, number]>([[0, 0], [0, 9], [5, 5], [3, 7], [9, 9]])('come in parts: %i to %i', async (start, end) => {
        const repository = fresh();
        const bytes = Buffer.from('0123456789');
        await repository.writeBlob(bufferBlob(bytes));

        const body = await repository.readBlob(digestOf(bytes), { range: { start, end } });

        expect(body?.size).toBe(10);
        expect((await buffer(body?.stream ?? expect.fail())).toString()).toBe('0123456789'.slice(start, end + 1));
      });

      it.each<[number, number]>([[10, 10], [0, 10], [9, 12], [100, 200], [5, 4], [-1, 3], [0.5, 2]])('have no part %d to %d', async (start, end) => {
        const repository = fresh();
        await repository.writeBlob(bufferBlob(Buffer.from('0123456789')));

        const code = (start >= 10 && powers.oddities?.rangeBeyond) || 'range-not-satisfiable';
        await expect(repository.readBlob(digestOf('0123456789'), { range: { start, end } })).rejects.toMatchObject({ code });
      });

      it('that are missing are null', async () => {
        const repository = fresh();

        expect(await repository.statBlob(digestOf('missing'))).toBeNull();
        expect(await repository.readBlob(digestOf('missing'))).toBeNull();
        expect(await repository.readBlob(digestOf('missing'), { range: { start: 0, end: 0 } })).toBeNull();
        await repository.writeBlob(bufferBlob(FILE));
        expect(await repository.statBlob(digestOf('missing'))).toBeNull();
        expect(await repository.readBlob(digestOf('missing'))).toBeNull();
      });

      it('of no bytes are refused', async () => {
        await expect(fresh().writeBlob(bufferBlob(Buffer.alloc(0)))).rejects.toMatchObject({ code: 'invalid' });
      });

      it.each<[string, string, string]>([
        ['other bytes', 'lies', 'true'],
        ['too few bytes', 'tru', 'true'],
        ['no bytes', '', 'true'],
        ['too many bytes', 'true!', 'true'],
        ['another last byte after much', `${'0'.repeat(500_000)}a`, `${'0'.repeat(500_000)}b`],
      ])('whose source yields %s are not stored', async (name, yielded, wanted) => {
        const repository = fresh();
        // Some stores have what any repository has.
        const [given, promised] = [Buffer.from(yielded === '' ? '' : `${name} ${yielded}`), Buffer.from(`${name} ${wanted}`)];
        const source: BlobSource = { digest: digestOf(promised), size: promised.length, open: () => Readable.from(given.length === 0 ? [] : [given], { objectMode: false }) };

        await expect(repository.writeBlob(source)).rejects.toMatchObject({ code: 'integrity' });

        expect(await repository.statBlob(digestOf(promised))).toBeNull();
        expect(await repository.statBlob(digestOf(given))).toBeNull();
        await repository.writeBlob(bufferBlob(promised));
        expect((await content(repository, digestOf(promised)))?.equals(promised)).toBe(true);
      });

      it.each<[string, () => Readable]>([
        ['fails', () => new Readable({ read: (): void => undefined }).destroy(new Error('disk'))],
        ['cannot be opened', () => {
          throw new Error('disk');
        }],
        ['ends in the middle', () => new Readable({ read: (): void => undefined }).destroy()],
      ])('whose source %s are not stored', async (_name, open) => {
        const repository = fresh();

        const error: unknown = await repository.writeBlob({ digest: digestOf('x'), size: 1, open }).catch((reason: unknown) => reason);

        expect(isProxyError(error, 'internal')).toBe(true);
        expect(await repository.statBlob(digestOf('x'))).toBeNull();
      });

      it('can be given up while they are written', async () => {
        const repository = fresh();
        const caller = new AbortController();
        const source: BlobSource = { digest: digestOf('xy'), size: 2, open: () => new Readable({ read: (): void => undefined }) };

        const writing = repository.writeBlob(source, { signal: caller.signal });
        setTimeout(() => caller.abort(), 50);

        await expect(writing).rejects.toMatchObject({ code: 'aborted' });
        expect(await repository.statBlob(digestOf('xy'))).toBeNull();
      });

      it('can be given up while they are read', async () => {
        const repository = fresh();
        const bytes = randomBytes(8_000_000);
        await repository.writeBlob(bufferBlob(bytes));
        const caller = new AbortController();

        const body = await repository.readBlob(digestOf(bytes), { signal: caller.signal });
        const stream = body?.stream ?? expect.fail();
        stream.once('data', () => caller.abort());

        const end = await buffer(stream).catch((error: unknown) => error);
        expect(Buffer.isBuffer(end) ? end.equals(bytes) : isProxyError(end, 'aborted')).toBe(true);
      });

      it.each([1, 8, 65_536, 400_000])('of %i bytes that were damaged in the store never come to an end', async (size) => {
        const repository = fresh();
        const bytes = randomBytes(size);
        await repository.writeBlob(bufferBlob(bytes));
        const damaged = Buffer.from(bytes);
        damaged[size - 1] = (damaged[size - 1] ?? 0) ^ 1;
        await store.corrupt(repository.name, digestOf(bytes), damaged);

        const body = await repository.readBlob(digestOf(bytes));
        if (powers.oddities?.hidesDamage === true) {
          expect(body).toBeNull();
          return;
        }
        const { received, error } = await drained(body?.stream ?? expect.fail());

        expect(isProxyError(error, 'integrity')).toBe(true);
        expect(received).toBeLessThanOrEqual(Math.max(0, size - 65_536));
      });
    });

    describe('manifests', () => {
      it('come back by tag and by digest, byte for byte', async () => {
        const repository = await ready();
        const written = stored(MANIFEST_MEDIA_TYPE, {
          'zz-unknown': { b: 1, a: [1e3, 'ü'] },
          artifactType: 'application/vnd.example',
          config: EMPTY_DESCRIPTOR,
          layers: [{ ...layer(FILE), 'x-unknown': null }],
          annotations: { 'com.example.a': 'b' },
        });

        await repository.writeManifest(written, { tag: '1.0.0' });

        expect(await repository.readManifest('1.0.0')).toEqual(written);
        expect(await repository.readManifest(written.digest)).toEqual(written);
        expect(await repository.statManifest('1.0.0')).toBe(written.digest);
        expect(await repository.statManifest(written.digest)).toBe(written.digest);
        expect(await another(repository).readManifest('1.0.0')).toEqual(written);
      });

      it('may be written without a tag', async () => {
        const repository = await ready();
        const written = version('untagged');

        await repository.writeManifest(written);
        await repository.writeManifest(written);

        expect(await repository.readManifest(written.digest)).toEqual(written);
        expect(await tagsOf(repository)).toEqual([]);
      });

      it('that are missing are null', async () => {
        const repository = fresh();

        expect(await repository.readManifest('1.0.0')).toBeNull();
        expect(await repository.statManifest('1.0.0')).toBeNull();
        expect(await repository.readManifest(digestOf('x'))).toBeNull();
        expect(await repository.statManifest(digestOf('x'))).toBeNull();
        await seed(repository);
        expect(await repository.readManifest('1.0.0')).toBeNull();
      });

      it('name only blobs and children that are there', async () => {
        const repository = await ready();
        const orphan = stored(MANIFEST_MEDIA_TYPE, { config: EMPTY_DESCRIPTOR, layers: [layer(Buffer.from('missing'))] });
        const child = version('child');
        const index = stored(INDEX_MEDIA_TYPE, { manifests: [{ mediaType: child.mediaType, digest: child.digest, size: child.bytes.length }] });

        const { missingParts = 'unprocessable' } = powers.oddities ?? {};
        const outcome: unknown = await repository.writeManifest(orphan, missingParts === 'taken' ? {} : { tag: 'orphan' }).then(() => ({ code: 'taken' }), (error: unknown) => error);
        expect(outcome).toMatchObject({ code: missingParts });
        await expect(repository.writeManifest(index, { tag: 'index' })).rejects.toMatchObject({ code: missingParts === 'taken' ? 'unprocessable' : missingParts });
        expect(await tagsOf(repository)).toEqual([]);
        await repository.writeManifest(child);
        await repository.writeManifest(index, { tag: 'index' });

        expect(await repository.readManifest('index')).toEqual(index);
        expect(await repository.readManifest(child.digest)).toEqual(child);
        expect(await tagsOf(repository)).toEqual(['index']);
      });

      it('whose bytes have another digest, or are too many, are refused', async () => {
        const repository = await ready();
        const large = version('x'.repeat(MAX_MANIFEST_BYTES));

        await expect(repository.writeManifest({ ...version('a'), digest: digestOf('other') }, { tag: 'a' })).rejects.toMatchObject({ code: 'integrity' });
        await expect(repository.writeManifest(large, { tag: 'large' })).rejects.toMatchObject({ code: 'too-large' });

        expect(await tagsOf(repository)).toEqual([]);
      });

      it('replace what a tag named before; the older one stays where it is', async () => {
        const repository = await ready();
        const versions = Array.from({ length: 6 }, (_, at) => version(`v${at}`));

        for (const written of versions.slice(0, 2)) {
          await repository.writeManifest(written, { tag: '_snapshot' });
          expect(await another(repository).statManifest('_snapshot')).toBe(written.digest);
        }
        await Promise.all(versions.map((written, at) => (at % 2 === 0 ? repository : another(repository)).writeManifest(written, { tag: '_snapshot' })));

        const last = await repository.readManifest('_snapshot');
        expect(versions).toContainEqual(last);
        expect(await repository.readManifest(versions[0]?.digest ?? '')).toEqual(versions[0]);
        expect(await tagsOf(repository)).toEqual(['_snapshot']);
      });

      it.each(['../x', 'a/b', '', '.a', '-a', 'a b', 'sha256:xyz', 'ä', 'a'.repeat(129)])('are not asked for by %j', async (reference) => {
        const repository = await ready();

        await expect(repository.readManifest(reference)).rejects.toMatchObject({ code: 'invalid' });
        await expect(repository.statManifest(reference)).rejects.toMatchObject({ code: 'invalid' });
        await expect(repository.writeManifest(version('v'), { tag: reference })).rejects.toMatchObject({ code: 'invalid' });
      });
    });

    describe('tags', () => {
      it('of a repository that is not there are none', async () => {
        expect(await tagsOf(fresh())).toEqual([]);
      });

      it('may be any that OCI allows, and differ by case', async () => {
        const repository = await ready();
        const tags = ['1.0.0', '1.0.0_build.5', 'A', 'a', '_snapshot', '_e.0000000001.0123456789abcdef', 'x'.repeat(128), 'index.json', '0'];

        for (const tag of tags) {
          await repository.writeManifest(version(tag), { tag });
        }

        expect(await tagsOf(repository)).toEqual(tags.toSorted());
        expect(await repository.statManifest('A')).toBe(version('A').digest);
        expect(await repository.statManifest('a')).toBe(version('a').digest);
      });

      it('of many writers at a time are all kept, and every completed one is in every later list', async () => {
        const repository = await ready();
        const writers = [repository, another(repository), another(repository)];
        const tags = Array.from({ length: 120 }, (_, at) => `1.0.${at}`);
        const acknowledged: string[] = [];
        let writing = true;
        const forgotten: string[] = [];
        const reader = another(repository);
        const watching = (async () => {
          while (writing) {
            const before = [...acknowledged];
            const seen = new Set(await tagsOf(reader));
            forgotten.push(...before.filter((tag) => !seen.has(tag)));
          }
        })();

        await Promise.all(writers.map(async (writer, which) => {
          for (let at = which; at < tags.length; at += writers.length) {
            const tag = tags[at] ?? expect.fail();
            await writer.writeManifest(version(tag), { tag });
            acknowledged.push(tag);
          }
        }));
        writing = false;
        await watching;

        expect(forgotten).toEqual([]);
        expect(await tagsOf(repository)).toEqual(tags.toSorted());
      });

      it('of a repository are not those of one that lies in it', async () => {
        number += 1;
        const [outer, inner] = [registry.repository(`pkg/n${number}`), registry.repository(`pkg/n${number}/b`)];
        await Promise.all([seed(outer), seed(inner)]);

        await outer.writeManifest(version('outer'), { tag: 'o' });
        await inner.writeManifest(version('inner'), { tag: 'i' });

        expect(await tagsOf(outer)).toEqual(['o']);
        expect(await tagsOf(inner)).toEqual(['i']);
        expect(await outer.readManifest('i')).toBeNull();
      });
    });

    describe('optional powers', () => {
      it(`creating tags: ${powers.createsTags ? 'exactly one of many wins, and all are told who' : 'not there'}`, async () => {
        const repository = await ready();
        expect(isTagCreator(repository)).toBe(powers.createsTags);
        if (!isTagCreator(repository)) {
          return;
        }
        const rivals = Array.from({ length: 12 }, (_, at) => version(`rival ${at}`));

        const answers = await Promise.all(rivals.map((rival, at) => {
          const client = at % 2 === 0 ? repository : another(repository);
          return isTagCreator(client) ? client.createTag('1.0.0', rival) : expect.fail();
        }));

        const winner = await repository.statManifest('1.0.0');
        expect(new Set(answers)).toEqual(new Set([winner]));
        expect(rivals.map(({ digest }) => digest)).toContain(winner);
        expect(await repository.readManifest('1.0.0')).toEqual(rivals.find(({ digest }) => digest === winner));
        expect(await repository.createTag('1.0.0', version('late'))).toBe(winner);
        expect(await repository.createTag('2.0.0', version('free'))).toBe(version('free').digest);
        await expect(repository.createTag('3.0.0', stored(MANIFEST_MEDIA_TYPE, { config: EMPTY_DESCRIPTOR, layers: [layer(Buffer.from('no'))] }))).rejects.toMatchObject({ code: powers.oddities?.missingParts ?? 'unprocessable' });
        expect(await tagsOf(repository)).toEqual(['1.0.0', '2.0.0']);
      });

      it(`deleting tags: ${powers.deletesTags ? 'gone, and may be made again' : 'refused without a failure'}`, async () => {
        const repository = await ready();
        if (!isTagDeleter(repository)) {
          expect(powers.deletesTags).toBe(false);
          return;
        }
        await repository.writeManifest(version('1'), { tag: '1.0.0' });
        await repository.writeManifest(version('2'), { tag: '2.0.0' });

        expect(await repository.deleteTag('1.0.0')).toBe(powers.deletesTags);

        expect(await tagsOf(repository)).toEqual(powers.deletesTags ? ['2.0.0'] : ['1.0.0', '2.0.0']);
        expect(await repository.readManifest('1.0.0')).toEqual(powers.deletesTags ? null : version('1'));
        expect(await repository.readManifest('2.0.0')).toEqual(version('2'));
        await repository.writeManifest(version('3'), { tag: '1.0.0' });
        expect(await repository.statManifest('1.0.0')).toBe(version('3').digest);
      });

      it('deleting a tag that is not there succeeds', async () => {
        const [repository, missing] = [await ready(), fresh()];
        if (!isTagDeleter(repository) || !isTagDeleter(missing)) {
          expect(powers.deletesTags).toBe(false);
          return;
        }

        expect(await repository.deleteTag('1.0.0')).toBe(true);
        expect(await missing.deleteTag('1.0.0')).toBe(true);
      });
    });

    it.each<[string, (repository: Repository, options: CallOptions) => Promise<unknown>]>([
      ['statBlob', (repository, options) => repository.statBlob(digestOf(FILE), options)],
      ['readBlob', (repository, options) => repository.readBlob(digestOf(FILE), options)],
      ['writeBlob', (repository, options) => repository.writeBlob(bufferBlob(Buffer.from('new')), options)],
      ['readManifest by tag', (repository, options) => repository.readManifest('1.0.0', options)],
      ['readManifest by digest', (repository, options) => repository.readManifest(version('1').digest, options)],
      ['statManifest', (repository, options) => repository.statManifest('1.0.0', options)],
      ['writeManifest', (repository, options) => repository.writeManifest(version('new'), { ...options, tag: 'new' })],
      ['createTag', (repository, options) => (isTagCreator(repository) ? repository.createTag('new', version('new'), options) : repository.statManifest('1.0.0', options))],
      ['deleteTag', (repository, options) => (isTagDeleter(repository) ? repository.deleteTag('1.0.0', options) : repository.statManifest('1.0.0', options))],
      ['listTags', (repository, options) => tagsOf(repository, options)],
    ])('does nothing for a caller that has given up: %s', async (_name, call) => {
      const repository = await ready();
      await repository.writeManifest(version('1'), { tag: '1.0.0' });

      await expect(call(repository, { signal: GIVEN_UP })).rejects.toMatchObject({ code: 'aborted' });

      expect(await tagsOf(repository)).toEqual(['1.0.0']);
      expect(await repository.statBlob(digestOf('new'))).toBeNull();
    });

    it.each(['', 'A', 'a//b', '/a', 'a/', '../a', 'a b', 'a'.repeat(300)])('has no repository %j', (name) => {
      expect(() => registry.repository(name)).toThrow(expect.objectContaining({ code: 'invalid' }));
    });

    it('is there', async () => {
      await expect(registry.check()).resolves.toBeUndefined();
    });
  });
}

async function seed(repository: Repository): Promise<void> {
  await Promise.all([repository.writeBlob(bufferBlob(FILE)), repository.writeBlob(bufferBlob(EMPTY_BYTES))]);
}

function layer(bytes: Buffer): object {
  return { mediaType: 'application/octet-stream', digest: digestOf(bytes), size: bytes.length };
}

function version(name: string): ManifestBytes {
  return stored(MANIFEST_MEDIA_TYPE, { artifactType: 'application/vnd.example', config: EMPTY_DESCRIPTOR, layers: [layer(FILE)], annotations: { 'com.example.name': name } });
}

function stored(mediaType: string, members: object): ManifestBytes {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...members }));
  return { mediaType, digest: digestOf(bytes), bytes };
}

async function tagsOf(repository: Repository, options: CallOptions = {}): Promise<readonly string[]> {
  const tags = new Set<string>();
  for await (const page of repository.listTags(options)) {
    for (const tag of page) {
      tags.add(tag);
    }
  }
  return [...tags].toSorted();
}

async function content(repository: Repository, digest: Digest): Promise<Buffer | null> {
  const body = await repository.readBlob(digest);
  return body === null ? null : buffer(body.stream);
}

async function drained(stream: Readable): Promise<{ received: number; error: unknown }> {
  let received = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      received += chunk.length;
    }
    return { received, error: null };
  } catch (error) {
    return { received, error };
  }
}
