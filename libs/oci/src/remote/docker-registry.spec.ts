import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';

import { type RunningRegistry, startDockerRegistry, startTokenAuthProxy, type TokenAuthProxy } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Descriptor } from '../model/descriptor.ts';
import { bufferBlob } from '../model/blob-source.ts';
import { digestOf } from '../model/digest.ts';
import { EMPTY_BYTES, EMPTY_DESCRIPTOR, INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE, type ManifestBytes } from '../model/manifest.ts';
import type { Repository, TagDeleter } from '../ports/repository.ts';
import { staticCredentials } from './auth/credentials.ts';
import { RemoteRegistry } from './remote-registry.ts';

/** bcrypt of `s3cret:with colon`. */
const HTPASSWD = 'user:$2b$04$vt//tjhF3OQb9/vFv6oVTef5p6E2UrpAuHfdWfNGrOLcHxUQPhGeC\n';

let open: RunningRegistry;
let basic: RunningRegistry;
let readOnly: RunningRegistry;
let proxy: TokenAuthProxy;
const connected: RemoteRegistry[] = [];

beforeAll(async () => {
  [open, basic, readOnly] = await Promise.all([startDockerRegistry({ deletes: true }), startDockerRegistry({ htpasswd: HTPASSWD }), startDockerRegistry({ readOnly: true })]);
  proxy = await startTokenAuthProxy({ target: open.url });
});

afterAll(async () => {
  await Promise.all(connected.map((registry) => registry.close()));
  await proxy.stop();
  await Promise.all([open.stop(), basic.stop(), readOnly.stop()]);
});

function connect(url: string, password?: string): RemoteRegistry {
  const registry = new RemoteRegistry({ url: `${url}/prefix`, ...(password === undefined ? {} : { credentials: staticCredentials('user', password) }) });
  connected.push(registry);
  return registry;
}

function repositories(name: string): readonly (readonly [string, Repository & TagDeleter])[] {
  return [
    ['open', connect(open.url).repository(name)],
    ['Basic', connect(basic.url, 's3cret:with colon').repository(name)],
    ['Bearer', connect(proxy.url).repository(`${name}-bearer`)],
  ];
}

function manifest(layer: Buffer, annotations: Record<string, string>): ManifestBytes {
  const layers: Descriptor[] = [{ mediaType: 'application/octet-stream', digest: digestOf(layer), size: layer.length }];
  return stored(MANIFEST_MEDIA_TYPE, { artifactType: 'application/vnd.example', config: EMPTY_DESCRIPTOR, layers, annotations });
}

function stored(mediaType: string, content: object): ManifestBytes {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...content }));
  return { mediaType, digest: digestOf(bytes), bytes };
}

async function tagsOf(repository: Repository): Promise<readonly string[]> {
  const tags: string[] = [];
  for await (const page of repository.listTags()) {
    tags.push(...page);
  }
  return tags.toSorted();
}

describe.each([0, 1, 2])('docker-registry', (which) => {
  it('stores and returns an artifact', async () => {
    const [, repository] = repositories('pkg/a')[which] ?? expect.fail();
    const file = randomBytes(200_000);
    const written = manifest(file, { 'io.example.tag': '1.0.0' });

    expect(await repository.readManifest('1.0.0')).toBeNull();
    expect(await tagsOf(repository)).toEqual([]);
    await Promise.all([repository.writeBlob(bufferBlob(file)), repository.writeBlob(bufferBlob(file)), repository.writeBlob(bufferBlob(EMPTY_BYTES))]);
    await repository.writeManifest(written, { tag: '1.0.0' });

    expect(await repository.readManifest('1.0.0')).toEqual(written);
    expect(await repository.readManifest(written.digest)).toEqual(written);
    expect(await repository.statManifest('1.0.0')).toBe(written.digest);
    expect(await repository.statBlob(digestOf(file))).toBe(200_000);
    expect(await tagsOf(repository)).toEqual(['1.0.0']);
    const whole = await repository.readBlob(digestOf(file));
    const part = await repository.readBlob(digestOf(file), { range: { start: 10, end: 99 } });
    expect(whole?.size === 200_000 && (await buffer(whole.stream)).equals(file)).toBe(true);
    expect(part?.size === 200_000 && (await buffer(part.stream)).equals(file.subarray(10, 100))).toBe(true);
  });
});

describe('docker-registry', () => {
  it('lists what many writers put at the same time', async () => {
    const writers = [connect(open.url).repository('many'), connect(open.url).repository('many')];
    const file = Buffer.from('file');
    await Promise.all([writers[0]?.writeBlob(bufferBlob(file)), writers[0]?.writeBlob(bufferBlob(EMPTY_BYTES))]);
    const tags = Array.from({ length: 130 }, (_, number) => `1.0.${number}`);

    await Promise.all(tags.map((tag, number) => (writers[number % 2] ?? expect.fail()).writeManifest(manifest(file, { 'io.example.tag': tag }), { tag })));

    expect(await tagsOf(connect(open.url).repository('many'))).toEqual(tags.toSorted());
  });

  it('lets a tag be replaced, at the same time too', async () => {
    const repository = connect(open.url).repository('replaced');
    await Promise.all([repository.writeBlob(bufferBlob(Buffer.from('file'))), repository.writeBlob(bufferBlob(EMPTY_BYTES))]);
    const versions = Array.from({ length: 8 }, (_, number) => manifest(Buffer.from('file'), { number: String(number) }));

    await Promise.all(versions.map((version) => repository.writeManifest(version, { tag: '_snapshot' })));

    expect(versions.map((version) => version.digest)).toContain(await repository.statManifest('_snapshot'));
  });

  it('reads indexes, and refuses what names missing content', async () => {
    const repository = connect(open.url).repository('index');
    await Promise.all([repository.writeBlob(bufferBlob(Buffer.from('file'))), repository.writeBlob(bufferBlob(EMPTY_BYTES))]);
    const child = manifest(Buffer.from('file'), {});
    const index = stored(INDEX_MEDIA_TYPE, { manifests: [{ mediaType: child.mediaType, digest: child.digest, size: child.bytes.length }] });

    await expect(repository.writeManifest(index, { tag: 'i' })).rejects.toMatchObject({ code: 'unprocessable' });
    await expect(repository.writeManifest(manifest(Buffer.from('missing'), {}), { tag: 'm' })).rejects.toMatchObject({ code: 'unprocessable' });
    await repository.writeManifest(child);
    await repository.writeManifest(index, { tag: 'i' });

    expect(await repository.readManifest('i')).toEqual(index);
    expect(await repository.statManifest(child.digest)).toBe(child.digest);
  });

  it('deletes a tag where deletes are switched on', async () => {
    const results: boolean[] = [];
    for (const [, repository] of repositories('deleted')) {
      await Promise.all([repository.writeBlob(bufferBlob(Buffer.from('file'))), repository.writeBlob(bufferBlob(EMPTY_BYTES))]);
      for (const tag of ['1.0.0', '2.0.0']) {
        await repository.writeManifest(manifest(Buffer.from('file'), { 'io.example.tag': tag }), { tag });
      }
      results.push(await repository.deleteTag('1.0.0'));
      expect(await tagsOf(repository)).toEqual(results.at(-1) === true ? ['2.0.0'] : ['1.0.0', '2.0.0']);
    }

    expect(results).toEqual([true, false, true]);
  });

  it('is checked', async () => {
    await connect(open.url).check();
    await connect(basic.url, 's3cret:with colon').check();
    await connect(proxy.url).check();

    await expect(connect(basic.url, 'wrong').check()).rejects.toMatchObject({ code: 'storage-denied' });
    await expect(connect(basic.url).check()).rejects.toMatchObject({ code: 'storage-denied' });
  });

  it('takes no writes when it is read-only', async () => {
    const repository = connect(readOnly.url).repository('a');

    await expect(repository.writeBlob(bufferBlob(Buffer.from('x')))).rejects.toMatchObject({ code: 'storage-read-only', message: expect.stringContaining('end its read-only or maintenance mode') as string });
    expect(await repository.readManifest('1')).toBeNull();
  });
});
