import { mkdir, readdir, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { temporaryDirectory } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { bufferBlob } from '../model/blob-source.ts';
import { type Digest, digestOf } from '../model/digest.ts';
import { manifestBytes } from '../model/manifest-bytes.ts';
import { EMPTY_BYTES, EMPTY_DESCRIPTOR, INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE, type ManifestBytes } from '../model/manifest.ts';
import type { CollectedGarbage } from '../ports/housekeeping.ts';
import { LayoutRegistry } from './layout-registry.ts';

const HOUR_MS = 60 * 60_000;
const NAME = 'shop/left-pad';

let directory: string;
let registry: LayoutRegistry;

beforeEach(async () => {
  directory = await temporaryDirectory('gc');
  registry = new LayoutRegistry({ directory });
});
afterEach(async () => {
  await registry.close();
  await rm(directory, { recursive: true, force: true });
});

function folder(...parts: readonly string[]): string {
  return join(directory, NAME, ...parts);
}

function pathOf(digest: Digest): string {
  return folder('blobs/sha256', digest.slice('sha256:'.length));
}

function version(content: string): ManifestBytes {
  const layer = { mediaType: 'application/octet-stream', digest: digestOf(content), size: content.length };
  return manifestBytes({ schemaVersion: 2, mediaType: MANIFEST_MEDIA_TYPE, config: EMPTY_DESCRIPTOR, layers: [layer] });
}

async function write(content: string, tag?: string): Promise<ManifestBytes> {
  const repository = registry.repository(NAME);
  await repository.writeBlob(bufferBlob(EMPTY_BYTES));
  await repository.writeBlob(bufferBlob(Buffer.from(content)));
  await repository.writeManifest(version(content), tag === undefined ? {} : { tag });
  return version(content);
}

/** Lets every file be as old as given. */
async function age(ms: number): Promise<void> {
  const then = new Date(Date.now() - ms);
  for (const part of ['blobs/sha256', 'ingest']) {
    for (const name of await readdir(folder(part))) {
      await utimes(folder(part, name), then, then);
    }
  }
}

async function collect(options: { readonly dryRun?: boolean; readonly graceMs?: number } = {}): Promise<CollectedGarbage | undefined> {
  await registry.close();
  const [found] = await all(registry.collectGarbage({ dryRun: options.dryRun ?? false, graceMs: options.graceMs ?? HOUR_MS }));
  return found;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) {
    collected.push(item);
  }
  return collected;
}

async function isThere(digest: Digest): Promise<boolean> {
  return stat(pathOf(digest)).then(() => true, () => false);
}

it('removes what no tag leads to, and nothing else', async () => {
  const [kept, replaced, child] = [await write('kept', '1'), await write('replaced', 'moving'), await write('child')];
  const index = manifestBytes({ schemaVersion: 2, mediaType: INDEX_MEDIA_TYPE, manifests: [{ mediaType: MANIFEST_MEDIA_TYPE, digest: child.digest, size: child.bytes.length }] });
  await registry.repository(NAME).writeManifest(index, { tag: 'index' });
  await write('moved', 'moving');
  await age(2 * HOUR_MS);

  const dry = await collect({ dryRun: true });
  const before = await readdir(folder('blobs/sha256'));
  const done = await collect();

  expect(dry).toEqual({ repository: NAME, kept: 8, young: 0, removed: 2, removedBytes: replaced.bytes.length + 'replaced'.length, leftovers: 0, leftoverBytes: 0, damage: null });
  expect(before).toHaveLength(10);
  expect(done).toEqual(dry);
  expect(await Promise.all([replaced.digest, digestOf('replaced')].map(isThere))).toEqual([false, false]);
  expect(await Promise.all([kept.digest, digestOf('kept'), index.digest, child.digest, digestOf('child'), digestOf(EMPTY_BYTES)].map(isThere))).toEqual(Array.from({ length: 6 }, () => true));
  expect(await collect()).toMatchObject({ removed: 0, kept: 8 });
});

it('leaves what is younger than the grace period, and leftovers of writes too', async () => {
  await write('kept', '1');
  await registry.repository(NAME).writeBlob(bufferBlob(Buffer.from('about to be named')));
  await writeFile(folder('ingest/1.left'), 'half a file');

  const young = await collect();
  await age(2 * HOUR_MS);
  const old = await collect();

  expect(young).toMatchObject({ removed: 0, young: 1, leftovers: 0 });
  expect(old).toMatchObject({ removed: 1, young: 0, leftovers: 1, leftoverBytes: 11 });
  expect(await readdir(folder('ingest'))).toEqual([]);
});

it('sees that an old blob is wanted again, by a write of it or by a manifest that names it', async () => {
  const [again, named, unwanted] = [await write('again'), await write('named'), await write('unwanted')];
  await age(2 * HOUR_MS);
  await registry.repository(NAME).writeBlob(bufferBlob(Buffer.from('again')));
  const child = { mediaType: MANIFEST_MEDIA_TYPE, digest: named.digest, size: named.bytes.length };
  // By digest alone: no tag leads there yet.
  await registry.repository(NAME).writeManifest(manifestBytes({ schemaVersion: 2, mediaType: INDEX_MEDIA_TYPE, manifests: [child] }));

  await collect();

  expect(await Promise.all([digestOf('again'), named.digest, digestOf('named')].map(isThere))).toEqual([true, true, true]);
  expect(await Promise.all([again.digest, unwanted.digest, digestOf('unwanted')].map(isThere))).toEqual([false, false, false]);
});

it('writes a blob again that was removed between two looks of a writer', async () => {
  await write('gone');
  await age(2 * HOUR_MS);
  await collect();

  await registry.repository(NAME).writeBlob(bufferBlob(Buffer.from('gone')));

  expect(await isThere(digestOf('gone'))).toBe(true);
  await expect(registry.repository(NAME).writeManifest(version('never written'), { tag: '2' })).rejects.toMatchObject({ code: 'unprocessable' });
});

it('puts back what a collector that was killed had moved away', async () => {
  const { digest } = await write('moved away', '1');
  const hex = digestOf('moved away').slice('sha256:'.length);
  await rename(pathOf(digestOf('moved away')), folder(`ingest/gc-${hex}`));
  await age(2 * HOUR_MS);

  const found = await collect();

  expect(found).toMatchObject({ removed: 0, leftovers: 0 });
  expect(await Promise.all([digest, digestOf('moved away')].map(isThere))).toEqual([true, true]);
  expect(await readdir(folder('ingest'))).toEqual([]);
});

it.each<[string, () => Promise<void>]>([
  ['a tag', () => writeFile(folder('refs/1'), 'nonsense')],
  ['a manifest', async () => {
    await rm(pathOf(version('kept').digest));
    await writeFile(pathOf(version('kept').digest), 'nonsense');
  }],
])('removes nothing where %s cannot be read, as nobody knows what it needs', async (_name, damage) => {
  await write('kept', '1');
  await write('garbage');
  await registry.close();
  await damage();
  await age(2 * HOUR_MS);

  const found = await collect();

  expect(found?.damage).toMatch(/cannot be read|does not have that digest/);
  expect(await isThere(digestOf('garbage'))).toBe(true);
});

it('keeps what another tool named in index.json alone', async () => {
  const { digest, bytes } = await write('by another tool');
  await writeFile(folder('index.json'), JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType: MANIFEST_MEDIA_TYPE, digest, size: bytes.length }] }));
  await age(2 * HOUR_MS);

  expect(await collect()).toMatchObject({ removed: 0, kept: 3 });
});

/** Puts bytes among the blobs, as other tools do. */
async function put(text: string): Promise<{ readonly digest: Digest; readonly size: number }> {
  await writeFile(pathOf(digestOf(text)), text);
  return { digest: digestOf(text), size: text.length };
}

it('keeps what manifests of other forms name, through lists of them', async () => {
  await write('kept', '1');
  await registry.close();
  const manifest = await put(JSON.stringify({ schemaVersion: 2, config: await put('its config'), layers: [await put('its layer')] }));
  const list = await put(JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType: 'application/vnd.example.manifest.v2+json', ...manifest }] }));
  await writeFile(folder('index.json'), JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType: 'application/vnd.example.manifest.list.v2+json', ...list }] }));
  await age(2 * HOUR_MS);

  expect(await collect()).toMatchObject({ removed: 0, kept: 7, damage: null });
});

it('follows a manifest that another one names as a file', async () => {
  const inner = await write('inner', 'inner');
  const layer = { mediaType: 'application/octet-stream', digest: inner.digest, size: inner.bytes.length };
  for (const tag of ['a', 'z']) {
    await registry.repository(NAME).writeManifest(manifestBytes({ schemaVersion: 2, mediaType: MANIFEST_MEDIA_TYPE, config: EMPTY_DESCRIPTOR, layers: [layer], annotations: { tag } }), { tag });
  }
  await age(2 * HOUR_MS);

  await collect();

  expect(await isThere(digestOf('inner'))).toBe(true);
});

it.each<[string, () => Promise<unknown>, RegExp]>([
  ['the manifest of a tag is missing', () => rm(pathOf(version('kept').digest)), /manifest of tag 1 is missing/],
  ['a manifest is larger than any that is read', async () => {
    const large = await put(JSON.stringify({ schemaVersion: 2, config: {}, layers: [], padding: 'x'.repeat(4 * 1024 * 1024) }));
    await writeFile(folder('index.json'), JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType: MANIFEST_MEDIA_TYPE, ...large }] }));
  }, /larger than any/],
  ['its blobs may be those of another layout', async () => {
    await rename(folder('blobs/sha256'), join(directory, 'shared'));
    await symlink(join(directory, 'shared'), folder('blobs/sha256'));
  }, /symbolic link/],
])('removes nothing where %s', async (_name, damage, message) => {
  await write('kept', '1');
  await write('garbage');
  await registry.close();
  await damage();
  await age(2 * HOUR_MS);

  expect((await collect())?.damage).toMatch(message);
  expect(await isThere(digestOf('garbage'))).toBe(true);
});

it('leaves to the next collector what a killed one had moved away, however old it is', async () => {
  await write('moved away', '1');
  const name = `gc-${digestOf('moved away').slice('sha256:'.length)}`;
  await rename(pathOf(digestOf('moved away')), folder('ingest', name));
  await age(48 * HOUR_MS);

  await new LayoutRegistry({ directory }).repository(NAME).writeBlob(bufferBlob(EMPTY_BYTES));

  expect(await readdir(folder('ingest'))).toEqual([name]);
});

it('loses nothing that writers write beside it', async () => {
  const repository = registry.repository(NAME);
  await write('first', '0');
  let writing = true;
  const collecting = (async (): Promise<number> => {
    let removed = 0;
    while (writing) {
      await age(2 * HOUR_MS).catch(() => undefined);
      for await (const found of registry.collectGarbage({ dryRun: false, graceMs: HOUR_MS })) {
        removed += found.removed;
      }
    }
    return removed;
  })();
  const refused: string[] = [];
  for (let count = 1; count <= 60; count += 1) {
    // As publishers do: what was removed between the blobs and the manifest fails the publish, and the next one succeeds.
    await write(`content ${count % 7}`, String(count)).catch(() => refused.push(String(count)));
    await write(`moving ${count}`, 'moving').catch(() => refused.push('moving'));
  }
  writing = false;

  expect(await collecting).toBeGreaterThan(0);
  for (const tag of await readdir(folder('refs'))) {
    const manifest = await repository.readManifest(tag);
    expect(manifest, tag).not.toBeNull();
    const layer = JSON.parse(manifest!.bytes.toString()).layers[0] as { digest: Digest };
    expect(await repository.statBlob(layer.digest), tag).not.toBeNull();
  }
});

it('walks through repositories within repositories, and not into their folders', async () => {
  for (const name of ['a', 'a/b', 'c/d/e']) {
    await registry.repository(name).writeBlob(bufferBlob(EMPTY_BYTES));
  }
  await mkdir(join(directory, 'no/layout'), { recursive: true });

  expect((await all(registry.listRepositories())).toSorted()).toEqual(['a', 'a/b', 'c/d/e']);
  expect(await all(new LayoutRegistry({ directory: join(directory, 'nowhere') }).listRepositories())).toEqual([]);
});

it('refuses a grace period in which uploads would lose what they wrote', async () => {
  await write('kept', '1');

  await expect(collect({ graceMs: 59_999 })).rejects.toMatchObject({ code: 'invalid' });
  await expect(collect({ graceMs: Number.NaN })).rejects.toMatchObject({ code: 'invalid' });
});
