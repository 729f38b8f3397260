import { type RunningRegistry, type ScriptedRegistry, startDockerRegistry, startScriptedRegistry } from '@oci-package-proxy/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { bufferBlob } from '../model/blob-source.ts';
import { digestOf } from '../model/digest.ts';
import { EMPTY_BYTES, EMPTY_DESCRIPTOR, MANIFEST_MEDIA_TYPE, type ManifestBytes } from '../model/manifest.ts';
import type { Repository, TagDeleter } from '../ports/repository.ts';
import { registryProfile } from './profile/known-products.ts';
import { LearnedDeletes } from './profile/learned-deletes.ts';
import type { Capabilities, DeleteMethod, Product } from './profile/registry-profile.ts';
import { RemoteRegistry } from './remote-registry.ts';

const LIST = '/v2/team/pkg/a/tags/list';

let server: ScriptedRegistry;
let opened: RemoteRegistry[];

beforeEach(async () => {
  server = await startScriptedRegistry();
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((registry) => registry.close()));
  await server.stop();
});

function connect(overrides: Partial<Capabilities>, { url = server.url, product = null }: { readonly url?: string; readonly product?: Product | null } = {}): Repository & TagDeleter {
  const registry = new RemoteRegistry({ url: `${url}/team`, retry: { attempts: 2, baseMs: 5 }, profile: registryProfile({ product, overrides }) });
  opened.push(registry);
  return registry.repository('pkg/a');
}

function manifest(name: string): ManifestBytes {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST_MEDIA_TYPE, config: EMPTY_DESCRIPTOR, layers: [EMPTY_DESCRIPTOR], annotations: { 'com.example.name': name } }));
  return { mediaType: MANIFEST_MEDIA_TYPE, digest: digestOf(bytes), bytes };
}

async function tagsOf(repository: Repository): Promise<readonly string[]> {
  const tags: string[] = [];
  for await (const page of repository.listTags()) {
    tags.push(...page);
  }
  return tags;
}

function sent(method: string): readonly string[] {
  return server.requests.filter((request) => request.method === method).map(({ url }) => url.slice('/v2/team/pkg/a/'.length));
}

function numbered(count: number): readonly string[] {
  return Array.from({ length: count }, (_, number) => `1.0.${String(number).padStart(4, '0')}`);
}

/** Pages of at most `cut` tags, or as many as were asked for, without a `Link`. */
function listCut(tags: readonly string[], cut: number): void {
  server.intercept((request, response) => {
    const { searchParams } = new URL(request.url, server.url);
    const last = searchParams.get('last');
    const rest = tags.slice(last === null ? 0 : tags.indexOf(last) + 1);
    return response.writeHead(200).end(JSON.stringify({ tags: rest.slice(0, Math.min(cut, Number(searchParams.get('n')))) })) !== undefined;
  });
}

describe('tag lists', () => {
  it('are asked for in pages as large as the profile says', async () => {
    listCut(numbered(30), 1000);

    expect(await tagsOf(connect({ tagsPerPage: 14 }))).toEqual(numbered(30));
    expect(server.requests.map(({ url }) => url)).toEqual([`${LIST}?n=14`, `${LIST}?n=14&last=1.0.0013`, `${LIST}?n=14&last=1.0.0027`]);
  });

  it.each([
    ['in one answer', 1000, 120],
    ['in several', 50, 120],
    ['with more', 1000, 121],
  ])('that reach the length at which the registry cuts them are never passed off as whole: %s', async (_, cut, count) => {
    listCut(numbered(count), cut);

    await expect(tagsOf(connect({ maxTags: 120 }))).rejects.toMatchObject({
      code: 'storage-unavailable',
      message: expect.stringMatching(/^listing tags in team\/pkg\/a: .*at most 120 tags.*maxTags: null/) as string,
    });
  });

  it('that are shorter are whole', async () => {
    listCut(numbered(119), 50);

    expect(await tagsOf(connect({ maxTags: 120 }))).toHaveLength(119);
  });
});

describe('deletes', () => {
  /** Answers deletions by tag and by digest with a status and a code. */
  function refuse(byTag: readonly [number, string?], byDigest: readonly [number, string?]): void {
    server.intercept((request, response) => {
      const [status, code] = request.url.includes('sha256:') ? byDigest : byTag;
      return request.method === 'DELETE' && response.writeHead(status).end(code === undefined ? '' : JSON.stringify({ errors: [{ code }] })) !== undefined;
    });
  }

  async function tagged(repository: Repository, ...tags: readonly string[]): Promise<void> {
    for (const tag of tags) {
      await repository.writeManifest(manifest(tag), { tag });
    }
  }

  it.each<[DeleteMethod, readonly string[], boolean]>([
    ['tag', ['manifests/t'], true],
    ['digest', [`manifests/${manifest('t').digest}`], true],
    ['none', [], false],
    ['learn', ['manifests/t'], true],
  ])('by %s are sent as %j', async (deletes, requests, gone) => {
    const repository = connect({ deletes });
    await tagged(repository, 't');
    refuse([202], [202]);
    const before = server.requests.length;

    expect(await repository.deleteTag('t')).toBe(gone);
    expect(sent('DELETE')).toEqual(requests);
    expect(server.requests.length > before).toBe(deletes !== 'none');
  });

  it('by tag alone try nothing else, and succeed where the tag is gone', async () => {
    const repository = connect({ deletes: 'tag' });
    await tagged(repository, 't');
    refuse([404], [202]);

    expect(await repository.deleteTag('t')).toBe(false);
    server.tags.clear();
    expect(await repository.deleteTag('t')).toBe(true);
    expect(sent('DELETE')).toEqual(['manifests/t', 'manifests/t']);
  });

  it('by digest spare what another tag has', async () => {
    const repository = connect({ deletes: 'digest' });
    const shared = { mediaType: MANIFEST_MEDIA_TYPE, bytes: Buffer.from('{}'), digest: digestOf('{}') };
    await repository.writeManifest(shared, { tag: 'one' });
    await repository.writeManifest(shared, { tag: 'two' });

    expect(await repository.deleteTag('one')).toBe(false);
    expect(sent('DELETE')).toEqual([]);
  });

  it.each<[string, readonly [number, string?], readonly [number, string?], readonly string[]]>([
    ['405 by tag', [405], [202], ['one', 'digest', 'digest']],
    ['400 UNSUPPORTED by tag', [400, 'UNSUPPORTED'], [202], ['one', 'digest', 'digest']],
    ['a tag taken for a digest', [400, 'DIGEST_INVALID'], [202], ['one', 'digest', 'digest']],
    ['405 both ways', [405, 'UNSUPPORTED'], [405, 'UNSUPPORTED'], ['one', 'digest']],
    ['400 by tag for who knows what', [400], [202], ['one', 'digest', 'two', 'digest']],
    ['404 by tag', [404], [202], ['one', 'digest', 'two', 'digest']],
    ['405 DENIED by digest, which is one manifest’s', [405], [405, 'DENIED'], ['one', 'digest', 'digest']],
    ['403, which is the credential’s', [403, 'UNSUPPORTED'], [202], ['one', 'two']],
    ['403 by digest, which is the credential’s', [405], [403, 'UNSUPPORTED'], ['one', 'digest', 'digest']],
  ])('that were refused are not tried again, where the registry does not do them: %s', async (_, byTag, byDigest, expected) => {
    const repository = connect({ deletes: 'learn' });
    await tagged(repository, 'one', 'two');
    refuse(byTag, byDigest);

    await repository.deleteTag('one');
    await repository.deleteTag('two');

    expect(sent('DELETE').map((url) => url.replace('manifests/', '').replace(/^sha256:.*/, 'digest'))).toEqual(expected);
  });

  it('that were refused are tried again after an hour', () => {
    let now = 0;
    const learned = new LearnedDeletes(() => now);
    learned.learn('tag');

    expect([learned.lacks('tag'), learned.lacks('digest')]).toEqual([true, false]);
    now = 60 * 60_000;
    expect(learned.lacks('tag')).toBe(false);
  });
});

describe('manifests', () => {
  it('that are larger than the registry takes are refused before they are sent, with the setting', async () => {
    const text = manifest('x'.repeat(3000));

    await expect(connect({ maxManifestBytes: 2000 }).writeManifest(text, { tag: 't' })).rejects.toMatchObject({
      code: 'too-large',
      message: expect.stringMatching(/^writing manifest t in team\/pkg\/a: .*takes manifests to 2000 bytes \(storage\.capabilities\.maxManifestBytes/) as string,
    });
    expect(server.requests).toEqual([]);
    await connect({ maxManifestBytes: text.bytes.length }).writeManifest(text, { tag: 't' });
  });
});

describe('a first push to a registry that does not create repositories', () => {
  it.each<[Product | null, number, string, RegExp]>([
    ['ecr', 404, 'NAME_UNKNOWN', /has no repository team\/pkg\/a .*\(404 NAME_UNKNOWN\)\. Amazon ECR needs before the first push: Every repository; or once a repository creation template/],
    ['harbor', 404, 'NOT_FOUND', /has no repository team\/pkg\/a .*Harbor 2 needs before the first push: The project/],
    ['gar', 403, 'NAME_UNKNOWN', /Google Artifact Registry \(GAR\) needs before the first push: The repository of Artifact Registry/],
    [null, 404, 'NAME_UNKNOWN', /has no repository team\/pkg\/a and does not create it on a push \(404 NAME_UNKNOWN\)\. Create it there/],
  ])('says what to make: %s', async (product, status, code, expected) => {
    server.intercept((request, response) => request.method !== 'HEAD' && response.writeHead(status).end(JSON.stringify({ errors: [{ code }] })) !== undefined);
    const repository = connect({}, { product });

    for (const push of [() => repository.writeBlob(bufferBlob(EMPTY_BYTES)), () => repository.writeManifest(manifest('t'), { tag: 't' })]) {
      await expect(push()).rejects.toMatchObject({ code: 'storage-denied', message: expect.stringMatching(expected) as string });
    }
  });
});

describe.each([true, false])('docker-registry with deletes: %s', (deletes) => {
  let running: RunningRegistry;

  beforeAll(async () => {
    running = await startDockerRegistry({ deletes });
  });
  afterAll(async () => running.stop());

  it.each<[DeleteMethod, boolean]>([['tag', false], ['digest', deletes], ['none', false], ['learn', deletes]])('told to delete by %s removes a tag: %s', async (method, gone) => {
    const repository = connect({ deletes: method }, { url: running.url });
    await repository.writeBlob(bufferBlob(EMPTY_BYTES));
    const tags = [`${method}-1`, `${method}-2`];
    for (const tag of tags) {
      await repository.writeManifest(manifest(tag), { tag });
    }

    expect(await Promise.all(tags.map((tag) => repository.deleteTag(tag)))).toEqual([gone, gone]);
    expect((await tagsOf(repository)).filter((tag) => tags.includes(tag))).toHaveLength(gone ? 0 : 2);
    expect(await repository.deleteTag(`${method}-never-there`)).toBe(method !== 'none');
  });
});
