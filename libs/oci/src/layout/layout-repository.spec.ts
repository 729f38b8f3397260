import { mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { runCommand, temporaryDirectory } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { bufferBlob } from '../model/blob-source.ts';
import { digestOf } from '../model/digest.ts';
import { manifestBytes } from '../model/manifest-bytes.ts';
import { EMPTY_BYTES, EMPTY_DESCRIPTOR, MANIFEST_MEDIA_TYPE, type ManifestBytes } from '../model/manifest.ts';
import type { Repository, TagCreator, TagDeleter } from '../ports/repository.ts';
import { LayoutRegistry } from './layout-registry.ts';

let directory: string;
let registry: LayoutRegistry;
let repository: Repository & TagCreator & TagDeleter;

beforeEach(async () => {
  directory = await temporaryDirectory('layout');
  registry = new LayoutRegistry({ directory });
  repository = registry.repository('pkg/a');
});

afterEach(async () => {
  await registry.close();
  await rm(directory, { recursive: true, force: true });
});

function version(name: string): ManifestBytes {
  return manifestBytes({ schemaVersion: 2, mediaType: MANIFEST_MEDIA_TYPE, artifactType: 'application/vnd.example', config: EMPTY_DESCRIPTOR, layers: [EMPTY_DESCRIPTOR], annotations: { name } });
}

function within(...parts: readonly string[]): string {
  return join(directory, 'pkg/a', ...parts);
}

async function replaceFile(path: string, text: string): Promise<void> {
  await rm(path);
  await writeFile(path, text);
}

describe('damage', () => {
  beforeEach(async () => {
    await repository.writeBlob(bufferBlob(EMPTY_BYTES));
    await repository.createTag('1.0.0', version('1'));
  });

  it.each(['', '{', 'null', '{"digest":"sha256:xyz","mediaType":"a","size":1}', '[]'])('of the file of a tag (%j) is not a missing tag', async (text) => {
    await replaceFile(within('refs/1.0.0'), text);

    await expect(repository.readManifest('1.0.0')).rejects.toMatchObject({ code: 'integrity' });
    await expect(repository.statManifest('1.0.0')).rejects.toMatchObject({ code: 'integrity' });
    await expect(repository.createTag('1.0.0', version('2'))).rejects.toMatchObject({ code: 'integrity' });
  });

  it.each(['', '{', '{"mediaType":1}'])('of a manifest (%j) is told by its digest', async (text) => {
    await replaceFile(within('blobs/sha256', version('1').digest.slice('sha256:'.length)), text);

    await expect(repository.readManifest('1.0.0')).rejects.toMatchObject({ code: 'integrity' });
    await expect(repository.readManifest(version('1').digest)).rejects.toMatchObject({ code: 'integrity' });
  });

  it('of a manifest that is gone makes its tag name nothing', async () => {
    await rm(within('blobs/sha256', version('1').digest.slice('sha256:'.length)));

    expect(await repository.readManifest('1.0.0')).toBeNull();
    expect(await repository.readManifest(version('1').digest)).toBeNull();
  });
});

it.each<[string, Buffer]>([
  ['no JSON', Buffer.from('the file')],
  ['other JSON', Buffer.from('{"mediaType":"application/json"}')],
  ['an array', Buffer.from('[]')],
  ['more than any manifest', Buffer.alloc(5_000_000, 32)],
])('does not take a file that holds %s for a manifest', async (_name, bytes) => {
  await repository.writeBlob(bufferBlob(bytes));

  expect(await repository.readManifest(digestOf(bytes))).toBeNull();
  expect(await repository.statManifest(digestOf(bytes))).toBeNull();
});

it('knows a manifest that leaves its own type out', async () => {
  await repository.writeBlob(bufferBlob(EMPTY_BYTES));
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, config: EMPTY_DESCRIPTOR, layers: [EMPTY_DESCRIPTOR] }));
  const written = { mediaType: MANIFEST_MEDIA_TYPE, digest: digestOf(bytes), bytes };

  await repository.writeManifest(written, { tag: 'old' });

  expect(await repository.readManifest('old')).toEqual(written);
  expect(await repository.readManifest(written.digest)).toEqual(written);
});

it.each(['blobs', 'a/blobs', 'a/refs/b', 'a/ingest', 'a/index.json', 'a/oci-layout'])('has no repository %s, which would lie in another layout', (name) => {
  expect(() => registry.repository(name)).toThrow(expect.objectContaining({ code: 'invalid' }));
});

it('lists no foreign files', async () => {
  await repository.writeBlob(bufferBlob(EMPTY_BYTES));
  await repository.createTag('1.0.0', version('1'));
  await writeFile(within('refs/.hidden'), '');

  const tags: string[] = [];
  for await (const page of repository.listTags()) {
    tags.push(...page);
  }

  expect(tags).toEqual(['1.0.0']);
});

it('goes on when somebody removed the directory', async () => {
  await repository.writeBlob(bufferBlob(EMPTY_BYTES));
  await rm(directory, { recursive: true });

  await repository.writeBlob(bufferBlob(EMPTY_BYTES));
  await repository.createTag('1.0.0', version('1'));

  expect(await repository.readManifest('1.0.0')).toEqual(version('1'));
});

it('makes nothing by reading', async () => {
  await repository.readManifest('1.0.0');
  await repository.statBlob(digestOf('x'));
  await repository.deleteTag('1.0.0');
  for await (const page of repository.listTags()) {
    expect(page).toEqual([]);
  }

  expect(await readdir(directory)).toEqual([]);
});

it('removes what killed processes left long ago, and nothing younger', async () => {
  await mkdir(within('ingest'), { recursive: true });
  await Promise.all(['old', 'young'].map((name) => writeFile(within('ingest', name), 'half')));
  const before = new Date(Date.now() - 25 * 60 * 60 * 1000);
  await utimes(within('ingest/old'), before, before);

  await repository.writeBlob(bufferBlob(EMPTY_BYTES));

  expect(await readdir(within('ingest'))).toEqual(['young']);
});

it('leaves nothing in ingest, whatever fails', async () => {
  await repository.writeBlob(bufferBlob(EMPTY_BYTES));
  const lie = { ...bufferBlob(Buffer.from('lies')), digest: digestOf('true') };
  await expect(repository.writeBlob(lie)).rejects.toMatchObject({ code: 'integrity' });
  await repository.createTag('1.0.0', version('1'));
  await repository.createTag('1.0.0', version('2'));
  await mkdir(within('refs/taken'));

  await expect(repository.writeManifest(version('3'), { tag: 'taken' })).rejects.toMatchObject({ code: 'storage-unavailable' });

  await registry.close();
  expect(await readdir(within('ingest'))).toEqual([]);
});

it('is checked by what it needs: a file and a second name for it', async () => {
  await registry.check();
  expect(await readdir(join(directory, 'ingest'))).toEqual([]);

  await writeFile(join(directory, 'file'), '');
  await expect(new LayoutRegistry({ directory: join(directory, 'file') }).check()).rejects.toMatchObject({ code: 'storage-unavailable' });
});

it('can be read by other tools', async () => {
  await repository.writeBlob(bufferBlob(EMPTY_BYTES));
  await repository.writeManifest(version('1'), { tag: '1.0.0' });
  await repository.createTag('_snapshot', version('2'));
  await registry.close();

  const inspected = await runCommand('skopeo', ['inspect', '--raw', `oci:${within()}:1.0.0`], { cwd: directory });

  expect(inspected.stdout).toBe(version('1').bytes.toString());
  expect(JSON.parse(await readFile(within('oci-layout'), 'utf8'))).toEqual({ imageLayoutVersion: '1.0.0' });
});
