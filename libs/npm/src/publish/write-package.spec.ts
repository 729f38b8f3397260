import { createHash } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';

import type { Principal } from '@oci-package-proxy/access';
import { bufferBlob, MemoryRegistry } from '@oci-package-proxy/oci';
import { type Fold, Ledger, MEDIA_TYPE_PREFIX, type PackageRef } from '@oci-package-proxy/storage';
import { type NpmPublishBody, npmPublishBody, packageTarball, temporaryDirectory } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { bundleLayer, readmeLayer, tarballLayer } from '../npm-fact.ts';
import { ECOSYSTEM, isPackageName, packageRef } from '../package-name.ts';
import { distTagsOf } from './published-values.ts';
import { PackageWrites, type PackageWritesOptions } from './write-package.ts';
import type { WriteAnswer } from './write-answer.ts';

const CAROL: Principal = { kind: 'user', name: 'carol', tokenId: null };
const ADMIN: Principal = { kind: 'admin', name: 'admin', tokenId: null };

let directory: string;
let registry: MemoryRegistry;
let ledger: Ledger;
let writes: PackageWrites;
let authorized: string[];

beforeAll(async () => {
  directory = await temporaryDirectory('write-package');
});
afterAll(() => rm(directory, { recursive: true, force: true }));
beforeEach(() => {
  registry = new MemoryRegistry();
  ledger = new Ledger({ registry });
  writes = packageWrites();
  authorized = [];
});

function packageWrites(options: Partial<PackageWritesOptions> = {}): PackageWrites {
  const limits = { publishBytes: 2 ** 20, jsonBytes: 2 ** 20, unpackedBytes: 2 ** 22 };
  return new PackageWrites({ ledger, limits, directory, clock: () => Date.UTC(2026, 0, 2), ...options });
}

/** Also for names that the controller would refuse before. */
function refOf(name: string): PackageRef {
  return isPackageName(name) ? packageRef(name) : { ecosystem: ECOSYSTEM, name, repository: `npm/${Buffer.from(name).toString('hex')}` };
}

function put(name: string, body: unknown, options: { revision?: string; who?: Principal; deny?: string } = {}): Promise<WriteAnswer> {
  const bytes = typeof body === 'string' || Buffer.isBuffer(body) ? Buffer.from(body) : Buffer.from(JSON.stringify(body));
  return writes.put(refOf(name), Readable.from([bytes], { objectMode: false }), options.who ?? CAROL, {
    revision: options.revision ?? null,
    authorize: (action) => {
      if (action === options.deny) {
        throw new Error(`may not ${action}`);
      }
      authorized.push(action);
    },
  });
}

async function publish(name: string, version: string, tag?: string): Promise<void> {
  await put(name, npmPublishBody(name, version, { tag }));
}

function foldOf(name: string): Promise<Fold> {
  return ledger.fold(refOf(name), { fresh: true });
}

async function tagsOf(name: string): Promise<Record<string, string>> {
  return Object.fromEntries(distTagsOf(await foldOf(name)));
}

async function versionsOf(name: string): Promise<string[]> {
  return [...(await foldOf(name)).facts.values()].map(({ version }) => version).sort();
}

async function deprecationsOf(name: string): Promise<Record<string, unknown>> {
  const entries = [...(await foldOf(name)).values].filter(([key, { value }]) => key.startsWith('deprecated:') && value !== null);
  return Object.fromEntries(entries.map(([key, { value }]) => [key.slice('deprecated:'.length), value]));
}

interface Shown {
  _rev: string;
  name: string;
  'dist-tags': Record<string, string>;
  versions: Record<string, Record<string, unknown>>;
}

/** The document as a registry shows it, which npm sends back. */
async function shown(name: string): Promise<Shown> {
  const state = await foldOf(name);
  const deprecations = await deprecationsOf(name);
  const versions = Object.fromEntries(
    [...state.facts.values()].map(({ version, document }) => {
      const manifest = JSON.parse(document) as Record<string, unknown> & { dist: object };
      const deprecated = deprecations[version];
      return [version, { ...manifest, hasInstallScript: true, ...(deprecated === undefined ? {} : { deprecated }), dist: { ...manifest.dist, tarball: 'http://registry.example.com/x.tgz' } }];
    }),
  );
  return { _rev: state.revision, name, 'dist-tags': Object.fromEntries(distTagsOf(state)), versions };
}

describe('publish', () => {
  it('leaves the versions of a package as one snapshot for whoever starts later', async () => {
    for (let patch = 0; patch < 12; patch += 1) {
      await publish('many', `1.0.${patch}`);
    }
    const view = registry.view();
    await vi.waitFor(async () => expect(await registry.repository(refOf('many').repository).statManifest('_snapshot')).not.toBeNull());

    const fold = await new Ledger({ registry: view }).fold(refOf('many'));

    expect(fold.facts.size).toBe(12);
    expect(view.operations.filter(({ kind }) => kind === 'read-manifest').length).toBeLessThan(8);
  });

  it('stores the tarball, a document that names no host, the README and who published it when', async () => {
    const body = structuredClone(npmPublishBody('a', '1.0.0'));
    Object.assign(body.versions['1.0.0'] ?? {}, { readme: '# A\n', description: 'd', deprecated: 'no', _npmUser: { name: 'mallory', trustedPublisher: {} } });

    const answer = await put('a', body);

    expect(answer).toEqual({ status: 201, body: { ok: 'published', success: true, id: 'a', rev: (await foldOf('a')).revision } });
    const fact = await ledger.fact(refOf('a'), '1.0.0');
    const dist = body.versions['1.0.0']?.dist;
    expect(JSON.parse(fact?.document ?? '')).toEqual({
      name: 'a',
      version: '1.0.0',
      _id: 'a@1.0.0',
      description: 'd',
      _npmUser: { name: 'carol' },
      dist: { integrity: dist?.integrity, shasum: dist?.shasum, fileCount: 2, unpackedSize: expect.any(Number) as number },
    });
    expect(fact).toMatchObject({ at: '2026-01-02T00:00:00.000Z', origin: 'published', payload: dist?.integrity });
    const [tarball, readme] = [tarballLayer(fact!), readmeLayer(fact!)];
    const stored = await ledger.open(refOf('a'), tarball ?? { digest: 'sha256:', size: 0 });
    expect((await buffer(stored!.stream)).toString('base64')).toBe(body._attachments['a-1.0.0.tgz']?.data);
    expect(await text((await ledger.open(refOf('a'), readme!))!.stream)).toBe('# A\n');
    expect(authorized).toEqual(['publish']);
    expect(await readdir(directory)).toEqual([]);
  });

  it('takes berry: attachments first, a filename with its scope, a body in gzip', async () => {
    const { _attachments, ...rest } = npmPublishBody('@acme/widget', '2.0.0');

    await put('@acme/widget', gzipSync(JSON.stringify({ _attachments, ...rest })));

    expect(await versionsOf('@acme/widget')).toEqual(['2.0.0']);
  });

  it('takes bun: named after a file on disk, with an address that is none, and yarn 1: without an integrity', async () => {
    const body = structuredClone(npmPublishBody('a', '1.0.0')) as unknown as { _attachments: Record<string, unknown>; versions: Record<string, { dist: Record<string, unknown> }> };
    body._attachments = { 'custom.tgz': Object.values(body._attachments)[0] };
    body.versions['1.0.0']!.dist = { shasum: body.versions['1.0.0']!.dist['shasum'], tarball: 'http://http://host/a.tgz' };

    await put('a', body);

    expect(JSON.parse((await ledger.fact(refOf('a'), '1.0.0'))?.document ?? '')).toMatchObject({ dist: { integrity: expect.stringMatching(/^sha512-/) as string } });
  });

  it('adds latest where there is none, and leaves it alone where there is one', async () => {
    await publish('a', '1.0.0-beta.1', 'beta');
    await publish('a', '2.0.0-beta.1', 'beta');
    await publish('a', '1.0.0');
    await publish('a', '3.0.0', 'next');

    expect(await tagsOf('a')).toEqual({ latest: '1.0.0', beta: '2.0.0-beta.1', next: '3.0.0' });
  });

  it('takes a version that is longer than a tag can be', async () => {
    const version = `1.0.0-${'long.'.repeat(40)}1`;

    await publish('a', version);

    expect(await versionsOf('a')).toEqual([version]);
    expect(await tagsOf('a')).toEqual({ latest: version });
  });

  it('treats build metadata as no part of the version', async () => {
    const body = JSON.stringify(npmPublishBody('a', '1.0.0+build.1'));

    await put('a', body);
    const other = put('a', npmPublishBody('a', '1.0.0+build.2'));

    await expect(other).rejects.toMatchObject({ code: 'conflict' });
    expect(await versionsOf('a')).toEqual(['1.0.0']);
    expect(await tagsOf('a')).toEqual({ latest: '1.0.0' });
  });

  it('answers a repeated publish as the first one, and does not move dist-tags back', async () => {
    const body = npmPublishBody('a', '1.0.0');
    await put('a', body);
    await publish('a', '2.0.0');

    const again = await put('a', body);
    const tagged = await put('a', { ...body, 'dist-tags': { lts: '1.0.0' } });

    expect([again.status, tagged.status]).toEqual([201, 201]);
    expect(await tagsOf('a')).toEqual({ latest: '2.0.0', lts: '1.0.0' });
  });

  it('refuses other bytes in the words of npm, and a version that was unpublished', async () => {
    await publish('a', '1.0.0');
    await publish('a', '1.1.0');
    await ledger.delete(refOf('a'), ['1.1.0'], { by: 'x' });

    await expect(publish('a', '1.0.0')).rejects.toMatchObject({ code: 'conflict', message: expect.stringMatching(/^You cannot publish over the previously published versions: 1\.0\.0\./) as string });
    await expect(publish('a', '1.1.0')).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('deleted') as string });
  });

  it('lets exactly one of many publishes of a version win', async () => {
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => publish('a', '1.0.0').then(() => 'won', (error: { code: string }) => error.code)));

    expect(outcomes.sort()).toEqual([...Array.from({ length: 9 }, () => 'conflict'), 'won']);
  });

  it('keeps the provenance bundle of this tarball', async () => {
    const body = npmPublishBody('@s/n', '1.0.0');
    const sha512 = createHash('sha512').update(Buffer.from(Object.values(body._attachments)[0]?.data ?? '', 'base64')).digest('hex');

    await put('@s/n', withBundle(body, '@s/n-1.0.0.sigstore', { name: 'pkg:npm/%40s/n@1.0.0', digest: { sha512 } }));

    const fact = await ledger.fact(refOf('@s/n'), '1.0.0');
    const bundle = bundleLayer(fact!);
    expect(JSON.parse(fact?.document ?? '')).toMatchObject({ dist: { attestations: { provenance: { predicateType: 'https://slsa.dev/provenance/v1' } } } });
    expect(JSON.parse(await text((await ledger.open(refOf('@s/n'), bundle!))!.stream))).toHaveProperty('dsseEnvelope');
    for (const subject of [
      { name: 'pkg:npm/%40s/n@1.0.1', digest: { sha512 } },
      { name: 'pkg:npm/n@1.0.0', digest: { sha512 } },
      { name: 'pkg:npm/%40s/n@1.0.0', digest: { sha512: '0'.repeat(128) } },
    ]) {
      await expect(put('@s/n', withBundle(body, '@s/n-1.0.0.sigstore', subject))).rejects.toMatchObject({ code: 'unprocessable' });
    }
  });

  it.each<[string, string, (body: LooseBody) => void]>([
    ['a shasum', 'unprocessable', (body) => void (distOf(body)['shasum'] = '0'.repeat(40))],
    ['an integrity', 'unprocessable', (body) => void (distOf(body)['integrity'] = `sha512-${Buffer.alloc(64).toString('base64')}`)],
    ['a sha1 beside a right sha512', 'unprocessable', (body) => void (distOf(body)['integrity'] += ` sha1-${Buffer.alloc(20).toString('base64')}`)],
    ['an integrity of nobody', 'invalid', (body) => void (distOf(body)['integrity'] = 'md5-AAAA')],
    ['a length', 'unprocessable', (body) => void (tarballOf(body)['length'] = 7)],
    ['the name of the body', 'unprocessable', (body) => void (body.name = 'b')],
    ['no name', 'unprocessable', (body) => void delete body.name],
    ['the _id of the body', 'unprocessable', (body) => void (body._id = 'b')],
    ['the name of the manifest', 'unprocessable', (body) => void (manifestOf(body)['name'] = 'b')],
    ['the version of the manifest', 'unprocessable', (body) => void (manifestOf(body)['version'] = '1.0.1')],
    ['no version in the manifest', 'unprocessable', (body) => void delete manifestOf(body)['version']],
    ['a version that is none', 'invalid', (body) => void (body.versions = { one: { ...manifestOf(body), version: 'one' } })],
    ['a version that is too long', 'invalid', (body) => void (body.versions = { [`1.0.0-${'a'.repeat(300)}`]: manifestOf(body) })],
    ['no versions', 'invalid', (body) => void (body.versions = {})],
    ['two versions', 'invalid', (body) => void (body.versions['2.0.0'] = { name: 'a', version: '2.0.0', dist: {} })],
    ['a dist-tag of another version', 'unprocessable', (body) => void (body['dist-tags'] = { latest: '2.0.0' })],
    ['a dist-tag that is a range', 'invalid', (body) => void (body['dist-tags'] = { '1.x': '1.0.0' })],
    ['a dist-tag that is a version', 'invalid', (body) => void (body['dist-tags'] = { 'v1.0.0': '1.0.0' })],
    ['a dist-tag without a name', 'invalid', (body) => void (body['dist-tags'] = { '': '1.0.0' })],
    ['a dist-tag with a slash', 'invalid', (body) => void (body['dist-tags'] = { 'a/b': '1.0.0' })],
    ['a dist-tag that is too long', 'invalid', (body) => void (body['dist-tags'] = { ['t'.repeat(5000)]: '1.0.0' })],
    ['half a character as dist-tag', 'invalid', (body) => void (body['dist-tags'] = { '\ud800': '1.0.0' })],
    ['many dist-tags', 'invalid', (body) => void (body['dist-tags'] = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`t${index}`, '1.0.0'])))],
    ['a tarball named as another version', 'unprocessable', (body) => void (body._attachments = { 'a-1.0.1.tgz': tarballOf(body) })],
    ['a tarball named as none', 'unprocessable', (body) => void (body._attachments = { 'a-1.0.0.exe': tarballOf(body) })],
    ['two tarballs', 'invalid', (body) => void (body._attachments['b-1.0.0.tgz'] = tarballOf(body))],
    ['only a bundle', 'invalid', (body) => void (body._attachments = { 'a.sigstore': { data: '{}' } })],
    ['two bundles', 'invalid', (body) => void Object.assign(body._attachments, { 'a.sigstore': { data: '{}' }, 'b.sigstore': { data: '{}' } })],
    ['a bundle that is none', 'unprocessable', (body) => void (body._attachments['a.sigstore'] = { data: '{}' })],
    ['a bundle that is no JSON', 'unprocessable', (body) => void (body._attachments['a.sigstore'] = { data: 'x' })],
    ['no tarball at all', 'unprocessable', (body) => withTarball(body, Buffer.from('hello'))],
    ['an empty tarball', 'unprocessable', (body) => withTarball(body, Buffer.alloc(0))],
    ['a tarball of another package', 'unprocessable', (body) => withTarball(body, packageTarball({ name: 'b', version: '1.0.0' }))],
    ['a tarball of another version', 'unprocessable', (body) => withTarball(body, packageTarball({ name: 'a', version: '1.0.1' }))],
    ['a tarball whose name is an object', 'unprocessable', (body) => withTarball(body, packageTarball({ name: { toString: 1 } as unknown as string, version: '1.0.0' }))],
    ['a tarball over the limit', 'too-large', (body) => withTarball(body, packageTarball({ name: 'a', version: '1.0.0' }, 2 ** 20))],
    ['a tarball that unpacks to more than the limit', 'too-large', (body) => withTarball(body, packageTarball({ name: 'a', version: '1.0.0', noise: '0'.repeat(2 ** 22) }))],
  ])('refuses a body that lies about, or sends, %s', async (_label, code, lie) => {
    const body = structuredClone(npmPublishBody('a', '1.0.0')) as unknown as LooseBody;
    lie(body);

    await expect(put('a', body)).rejects.toMatchObject({ name: 'ProxyError', code, message: expect.stringMatching(/^.{20,}$/s) as string });

    expect((await foldOf('a')).facts.size).toBe(0);
    expect(await readdir(directory)).toEqual([]);
  });

  it.each(['Upper', '.hidden', '-dash', '_under', 'node_modules', 'favicon.ico', 'spa ce', 'ünï', "tilde'", 'x'.repeat(215), 'http'])('refuses the new name %s', async (name) => {
    await expect(put(name, npmPublishBody(name, '1.0.0'))).rejects.toMatchObject({ code: 'invalid' });
  });

  it('takes another version under a name of the time when more was allowed', async () => {
    const source = bufferBlob(Buffer.from('x'));
    const old = { tag: '0.9.0', version: '0.9.0', artifactType: `${MEDIA_TYPE_PREFIX}npm.version.v1`, document: '{}', documentMediaType: `${MEDIA_TYPE_PREFIX}npm.manifest.v1+json`, layers: [{ mediaType: 'application/gzip', source }], payload: 'x', at: '2012-01-01T00:00:00.000Z' };
    await expect(publish('JSONStream', '1.0.0')).rejects.toMatchObject({ code: 'invalid' });
    await ledger.publish(refOf('JSONStream'), old, { by: 'x' });

    await publish('JSONStream', '1.0.0');

    expect(await versionsOf('JSONStream')).toEqual(['0.9.0', '1.0.0']);
  });

  it('asks upstream about a new name, where it is told to', async () => {
    const asked: string[] = [];
    writes = packageWrites({
      readUpstreamDocument: (ref) => {
        asked.push(ref.name);
        return Promise.resolve(ref.name === 'taken' ? {} : null);
      },
    });

    await expect(publish('taken', '1.0.0')).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('upstream') as string });
    await publish('free', '1.0.0');
    await publish('free', '1.1.0');

    expect(asked).toEqual(['taken', 'free']);
  });

  it('refuses what is pulled through from upstream', async () => {
    await ledger.decideOrigin(refOf('lodash'), 'upstream');

    await expect(publish('lodash', '9.9.9')).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('upstream') as string });
  });

  it('stores nothing for who may not publish', async () => {
    await expect(put('a', npmPublishBody('a', '1.0.0'), { deny: 'publish' })).rejects.toThrow('may not publish');

    expect((await foldOf('a')).facts.size).toBe(0);
    expect(await readdir(directory)).toEqual([]);
  });
});

describe('deprecate', () => {
  beforeEach(async () => {
    for (const version of ['1.0.0', '1.1.0', '2.0.0']) {
      await publish('a', version);
    }
  });

  it('sets, changes and takes back, and records nothing else', async () => {
    const document = await shown('a');
    document.versions['1.0.0']!['deprecated'] = 'use 2';
    document.versions['1.1.0']!['deprecated'] = 'use 2, too';
    const answer = await put('a', document);
    const deprecated = await deprecationsOf('a');
    const { sequence } = await foldOf('a');

    const again = await put('a', await shown('a'));
    const unchanged = (await foldOf('a')).sequence;
    const undone = await shown('a');
    undone.versions['1.1.0']!['deprecated'] = '';
    await put('a', undone);

    expect(answer).toMatchObject({ status: 200, body: { success: true } });
    expect(again.status).toBe(200);
    expect(deprecated).toEqual({ '1.0.0': 'use 2', '1.1.0': 'use 2, too' });
    expect(unchanged).toBe(sequence);
    expect(await deprecationsOf('a')).toEqual({ '1.0.0': 'use 2' });
    expect(new Set(authorized)).toEqual(new Set(['publish']));
  });

  it('loses no version and no deprecation that came after the document was read', async () => {
    const document = await shown('a');
    await publish('a', '3.0.0');
    const other = await shown('a');
    other.versions['2.0.0']!['deprecated'] = 'meanwhile';
    await put('a', other);

    document.versions['1.0.0']!['deprecated'] = 'old';
    await put('a', document);

    expect(await versionsOf('a')).toEqual(['1.0.0', '1.1.0', '2.0.0', '3.0.0']);
    expect(await deprecationsOf('a')).toEqual({ '1.0.0': 'old', '2.0.0': 'meanwhile' });
  });

  it.each<[string, string, (document: Shown) => void]>([
    ['a version that does not exist', 'invalid', (document) => void (document.versions['9.0.0'] = { name: 'a', version: '9.0.0' })],
    ['a version that is none', 'invalid', (document) => void (document.versions['nine'] = {})],
    ['a changed integrity', 'invalid', (document) => void (document.versions['1.0.0']!['dist'] = { integrity: 'sha512-AAAA' })],
    ['changed dependencies', 'invalid', (document) => void (document.versions['1.0.0']!['name'] = 'b')],
    ['a deprecation that is a number', 'invalid', (document) => void (document.versions['1.0.0']!['deprecated'] = 7)],
    ['a deprecation that is too long', 'invalid', (document) => void (document.versions['1.0.0']!['deprecated'] = 'x'.repeat(5000))],
    ['another package', 'unprocessable', (document) => void (document.name = 'b')],
    ['a version left out, and no revision', 'conflict', (document) => void delete document.versions['1.0.0']],
  ])('refuses a document with %s', async (_label, code, change) => {
    const document = await shown('a');
    const before = await foldOf('a');
    change(document);

    await expect(put('a', document)).rejects.toMatchObject({ name: 'ProxyError', code });

    expect((await foldOf('a')).revision).toBe(before.revision);
  });

  it('refuses packages of upstream, and ones that are not there', async () => {
    await ledger.decideOrigin(refOf('lodash'), 'upstream');

    await expect(put('lodash', { name: 'lodash', versions: {} })).rejects.toMatchObject({ code: 'forbidden' });
    await expect(put('nothing', { name: 'nothing', versions: {} })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('changes nothing for who may not', async () => {
    const document = await shown('a');
    document.versions['1.0.0']!['deprecated'] = 'x';

    await expect(put('a', document, { deny: 'publish' })).rejects.toThrow('may not publish');

    expect(await deprecationsOf('a')).toEqual({});
  });
});

describe('unpublish', () => {
  beforeEach(async () => {
    await publish('a', '1.0.0');
    await publish('a', '1.1.0');
    await publish('a', '2.0.0-beta.1', 'beta');
  });

  it('takes out one version and moves latest to the highest that is left, prereleases last', async () => {
    const document = await shown('a');
    delete document.versions['1.1.0'];
    const answer = await put('a', document, { revision: document._rev });
    const tarball = await writes.removeTarball(refOf('a'), 'a-1.1.0.tgz', CAROL);
    const again = await writes.removeTarball(refOf('a'), 'a-1.1.0.tgz', CAROL);
    const tags = await tagsOf('a');
    const next = await shown('a');
    delete next.versions['1.0.0'];
    await put('a', next, { revision: next._rev });

    expect([answer.status, tarball.status, again.status]).toEqual([200, 200, 200]);
    expect(tags).toEqual({ latest: '1.0.0', beta: '2.0.0-beta.1' });
    expect(await tagsOf('a')).toEqual({ latest: '2.0.0-beta.1', beta: '2.0.0-beta.1' });
    expect(await versionsOf('a')).toEqual(['2.0.0-beta.1']);
    expect(authorized.filter((action) => action === 'delete')).toHaveLength(2);
  });

  it('never takes a version that was published meanwhile for one that was taken out', async () => {
    const document = await shown('a');
    delete document.versions['1.0.0'];
    await publish('a', '1.2.0');

    await expect(put('a', document, { revision: document._rev })).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('Try again') as string });

    expect(await versionsOf('a')).toEqual(['1.0.0', '1.1.0', '1.2.0', '2.0.0-beta.1']);
  });

  it.each(['undefined', 'x'])('refuses the revision %s', async (revision) => {
    const document = await shown('a');
    delete document.versions['1.0.0'];

    await expect(put('a', document, { revision })).rejects.toMatchObject({ code: 'conflict' });
    await expect(writes.removePackage(refOf('a'), CAROL, { revision })).rejects.toMatchObject({ code: 'conflict' });

    expect(await versionsOf('a')).toHaveLength(3);
  });

  it('refuses a document without any version left', async () => {
    const { _rev } = await shown('a');

    await expect(put('a', { name: 'a', versions: {} }, { revision: _rev })).rejects.toMatchObject({ code: 'invalid' });

    expect(await versionsOf('a')).toHaveLength(3);
  });

  it('does not delete for who may only publish', async () => {
    const document = await shown('a');
    delete document.versions['1.0.0'];

    await expect(put('a', document, { revision: document._rev, deny: 'delete' })).rejects.toThrow('may not delete');

    expect(await versionsOf('a')).toHaveLength(3);
  });

  it('does not take a tarball from a version that stays', async () => {
    await expect(writes.removeTarball(refOf('a'), 'a-1.0.0.tgz', CAROL)).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('npm unpublish a@1.0.0') as string });
  });

  it('takes out the whole package, and then it is gone', async () => {
    const { _rev } = await shown('a');

    const answer = await writes.removePackage(refOf('a'), CAROL, { revision: _rev });

    expect(answer.status).toBe(200);
    expect(await versionsOf('a')).toEqual([]);
    await expect(writes.removePackage(refOf('a'), CAROL, { revision: _rev })).rejects.toMatchObject({ code: 'not-found' });
    await expect(publish('a', '1.0.0')).rejects.toMatchObject({ code: 'conflict' });
    await publish('a', '5.0.0');
    expect(await tagsOf('a')).toEqual({ latest: '5.0.0' });
  });

  it('lets an administrator leave out the revision, and nobody else', async () => {
    await expect(writes.removePackage(refOf('a'), CAROL, { revision: null })).rejects.toMatchObject({ code: 'conflict' });
    await expect(writes.removePackage(refOf('a'), ADMIN, { revision: 'stale' })).rejects.toMatchObject({ code: 'conflict' });

    await writes.removePackage(refOf('a'), ADMIN, { revision: null });

    expect(await versionsOf('a')).toEqual([]);
  });
});

describe('dist-tags', () => {
  beforeEach(async () => {
    await publish('a', '1.0.0');
    await publish('a', '2.0.0');
  });

  it('sets, moves, merges and removes', async () => {
    const set = await writes.setDistTag(refOf('a'), 'lts', '1.0.0', { who: CAROL });
    await writes.setDistTag(refOf('a'), 'latest', '1.0.0', { who: CAROL });
    await writes.mergeDistTags(refOf('a'), { lts: '2.0.0', next: '2.0.0' }, { who: CAROL });
    const tags = await tagsOf('a');
    const removed = await writes.removeDistTag(refOf('a'), 'lts', { who: CAROL });

    expect(set).toMatchObject({ status: 201, body: { ok: expect.any(String) as string } });
    expect(removed).toMatchObject({ status: 200, body: { ok: expect.any(String) as string } });
    expect(tags).toEqual({ latest: '1.0.0', lts: '2.0.0', next: '2.0.0' });
    expect(await tagsOf('a')).toEqual({ latest: '1.0.0', next: '2.0.0' });
    expect((await foldOf('a')).values.get('tag:next')).toMatchObject({ by: 'carol' });
  });

  it.each<[string, string, unknown, string]>([
    ['a version that does not exist', 'x', '9.9.9', 'invalid'],
    ['no version', 'x', 'nine', 'invalid'],
    ['no text', 'x', { version: '1.0.0' }, 'invalid'],
    ['a null', 'x', null, 'invalid'],
    ['a range as name', '1.x', '1.0.0', 'invalid'],
    ['a long name', 'x'.repeat(1000), '1.0.0', 'invalid'],
    ['__proto__', '__proto__', '1.0.0', 'invalid'],
  ])('refuses to set %s', async (_label, tag, version, code) => {
    await expect(writes.setDistTag(refOf('a'), tag, version, { who: CAROL })).rejects.toMatchObject({ code });
  });

  it.each([
    ['a list', []],
    ['a text', '1.0.0'],
    ['nothing', undefined],
    ['a map with a wrong value', { x: '1.0.0', y: 1 }],
  ])('refuses to merge %s, and sets none of it', async (_label, tags) => {
    await expect(writes.mergeDistTags(refOf('a'), tags, { who: CAROL })).rejects.toMatchObject({ code: 'invalid' });

    expect(await tagsOf('a')).toEqual({ latest: '2.0.0' });
  });

  it('never removes latest, nor what is not there', async () => {
    await expect(writes.removeDistTag(refOf('a'), 'latest', { who: CAROL })).rejects.toMatchObject({ code: 'forbidden' });
    await expect(writes.removeDistTag(refOf('a'), 'nope', { who: CAROL })).rejects.toMatchObject({ code: 'not-found' });
    await expect(writes.removeDistTag(refOf('none'), 'x', { who: CAROL })).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('what is not kept here', () => {
  it.each([
    ['owners', { _id: 'a', maintainers: [] }, 'unsupported', /access rules/],
    ['stars', { _id: 'a', users: { carol: true } }, 'unsupported', /stars/],
    ['nothing at all', {}, 'invalid', /neither/],
  ])('is answered clearly: %s', async (_label, body, code, message) => {
    await expect(put('a', body)).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
  });
});

interface LooseBody {
  name?: string;
  _id?: string;
  'dist-tags': Record<string, string>;
  versions: Record<string, Record<string, unknown>>;
  _attachments: Record<string, Record<string, unknown>>;
}

function manifestOf(body: LooseBody): Record<string, unknown> {
  return Object.values(body.versions)[0] ?? {};
}

function distOf(body: LooseBody): Record<string, string> {
  return manifestOf(body)['dist'] as Record<string, string>;
}

function tarballOf(body: LooseBody): Record<string, unknown> {
  return body._attachments['a-1.0.0.tgz'] ?? {};
}

function withTarball(body: LooseBody, bytes: Buffer): void {
  manifestOf(body)['dist'] = {};
  body._attachments = { 'a-1.0.0.tgz': { data: bytes.toString('base64'), length: bytes.length } };
}

function withBundle(body: NpmPublishBody, filename: string, subject: object): object {
  const payload = Buffer.from(JSON.stringify({ predicateType: 'https://slsa.dev/provenance/v1', subject: [subject] })).toString('base64');
  const data = JSON.stringify({ mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json', dsseEnvelope: { payload } });
  return { ...body, _attachments: { ...body._attachments, [filename]: { content_type: 'application/vnd.dev.sigstore.bundle.v0.3+json', data, length: data.length } } };
}
