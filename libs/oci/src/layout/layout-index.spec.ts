import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { eventually, runCommand, temporaryDirectory } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { bufferBlob } from '../model/blob-source.ts';
import { manifestBytes } from '../model/manifest-bytes.ts';
import { EMPTY_BYTES, EMPTY_DESCRIPTOR, MANIFEST_MEDIA_TYPE, type ManifestBytes } from '../model/manifest.ts';
import { LayoutRegistry } from './layout-registry.ts';
import { encodeReference } from './reference-file.ts';

const NAME = 'a';

let directory: string;
let registry: LayoutRegistry;

beforeEach(async () => {
  directory = await temporaryDirectory('layout');
  registry = new LayoutRegistry({ directory });
  await registry.repository(NAME).writeBlob(bufferBlob(EMPTY_BYTES));
});

afterEach(async () => {
  await registry.close();
  await rm(directory, { recursive: true, force: true });
});

function version(name: string): ManifestBytes {
  return manifestBytes({ schemaVersion: 2, mediaType: MANIFEST_MEDIA_TYPE, config: EMPTY_DESCRIPTOR, layers: [EMPTY_DESCRIPTOR], annotations: { name } });
}

async function indexed(): Promise<Record<string, string>> {
  const { manifests } = JSON.parse(await readFile(join(directory, NAME, 'index.json'), 'utf8')) as { manifests: { digest: string; annotations: Record<string, string> }[] };
  return Object.fromEntries(manifests.map(({ digest, annotations }) => [annotations['org.opencontainers.image.ref.name'] ?? '', digest]));
}

function expected(tags: readonly string[]): Record<string, string> {
  return Object.fromEntries(tags.map((tag) => [tag, version(tag).digest]));
}

async function fill(count: number): Promise<readonly string[]> {
  const tags = Array.from({ length: count }, (_, at) => `1.0.${at}`);
  for (let start = 0; start < count; start += 8) {
    await Promise.all(tags.slice(start, start + 8).map((tag) => registry.repository(NAME).createTag(tag, version(tag))));
  }
  return tags;
}

it('follows a tag without being closed', async () => {
  await registry.repository(NAME).createTag('1.0.0', version('1.0.0'));
  await eventually('the index has it', async () => (await indexed())['1.0.0'] !== undefined, 1_000);
  await registry.repository(NAME).createTag('2.0.0', version('2.0.0'));

  await eventually('the index has the next', async () => (await indexed())['2.0.0'] !== undefined, 1_000);
});

it('is complete after close, with what was replaced and deleted', async () => {
  const tags = await fill(40);
  await registry.repository(NAME).writeManifest(version('replaced'), { tag: '1.0.3' });
  await registry.repository(NAME).deleteTag('1.0.4');

  await registry.close();

  expect(await indexed()).toEqual({ ...expected(tags.filter((tag) => tag !== '1.0.4')), '1.0.3': version('replaced').digest });
});

it('shares rewrites in a burst', async () => {
  const versions = new Set<string>();
  const watch = setInterval(() => void stat(join(directory, NAME, 'index.json')).then(({ ino, ctimeMs }) => versions.add(`${ino} ${ctimeMs}`), () => undefined), 2);
  const began = performance.now();

  const tags = await fill(400);

  const elapsed = performance.now() - began;
  clearInterval(watch);
  await registry.close();
  expect(versions.size).toBeLessThanOrEqual(2 + elapsed / 100);
  expect(await indexed()).toEqual(expected(tags));
});

it('sees what another process replaces, deletes and makes again, though it remembers many tags', async () => {
  const tags = await fill(300);
  await registry.close();
  await registry.repository(NAME).createTag('x', version('x'));
  await registry.close();
  const other = new LayoutRegistry({ directory }).repository(NAME);

  // As a process that died before it wrote the index.
  await writeFile(join(directory, NAME, 'refs/1.0.0.new'), encodeReference(version('died')));
  await other.writeManifest(version('replaced'), { tag: '1.0.5' });
  await other.deleteTag('1.0.6');
  await other.deleteTag('1.0.7');
  await other.createTag('1.0.7', version('again'));
  await registry.repository(NAME).createTag('y', version('y'));
  await registry.close();

  const { '1.0.6': _gone, ...left } = expected([...tags, 'x', 'y']);
  expect(await indexed()).toEqual({ ...left, '1.0.0.new': version('died').digest, '1.0.5': version('replaced').digest, '1.0.7': version('again').digest });
});

it('is right after many processes wrote at the same time, in whatever order they end', async () => {
  const clients = Array.from({ length: 6 }, () => new LayoutRegistry({ directory }));

  await Promise.all(clients.map(async (client, which) => {
    for (let at = 0; at < 30; at += 1) {
      const tag = `${which}.${at}`;
      await client.repository(NAME).writeManifest(version(tag), { tag });
      await client.repository(NAME).writeManifest(version(`${which} for the ${at}th time`), { tag: '_snapshot' });
    }
    await client.close();
  }));

  const snapshot = await registry.repository(NAME).statManifest('_snapshot');
  const own = expected(clients.flatMap((_, which) => Array.from({ length: 30 }, (__, at) => `${which}.${at}`)));
  expect(await indexed()).toEqual({ ...own, _snapshot: snapshot });
});

it('is mended by a process that stopped before its rename and brings an old list over a newer one', async () => {
  const [index, pipe] = [join(directory, NAME, 'index.json'), join(directory, 'pipe')];
  await runCommand('mkfifo', [index], { cwd: directory });
  await registry.repository(NAME).createTag('1.0.0', version('1.0.0'));
  // By then it has listed the tags, and waits for the pipe before it writes.
  await pause(400);
  await rename(index, pipe);
  const other = new LayoutRegistry({ directory });
  await other.repository(NAME).createTag('2.0.0', version('2.0.0'));
  await other.close();
  expect(await indexed()).toEqual(expected(['1.0.0', '2.0.0']));

  await writeFile(pipe, 'goes on');
  await registry.close();

  expect(await indexed()).toEqual(expected(['1.0.0', '2.0.0']));
});

it('is mended by the next process that writes, even if it changes nothing', async () => {
  await registry.repository(NAME).createTag('1.0.0', version('1.0.0'));
  await registry.close();
  await rm(join(directory, NAME, 'index.json'));

  const next = new LayoutRegistry({ directory });
  await next.repository(NAME).createTag('1.0.0', version('1.0.0'));
  await next.close();

  expect(await indexed()).toEqual(expected(['1.0.0']));
});

it('that cannot be written fails no write, is reported once, and comes with a later write', async () => {
  const warnings: string[] = [];
  const warned = new LayoutRegistry({ directory, onWarning: (text) => warnings.push(text) });
  await mkdir(join(directory, NAME, 'index.json/full'), { recursive: true });

  await warned.repository(NAME).createTag('1.0.0', version('1.0.0'));
  await warned.close();
  await warned.repository(NAME).createTag('2.0.0', version('2.0.0'));
  await warned.close();
  expect(warnings).toEqual([expect.stringContaining('writing the index of repository a')]);

  await rm(join(directory, NAME, 'index.json'), { recursive: true });
  await warned.repository(NAME).createTag('3.0.0', version('3.0.0'));
  await warned.close();
  expect(await indexed()).toEqual(expected(['1.0.0', '2.0.0', '3.0.0']));
});

it('keeps no process alive and is flushed for repositories that were forgotten', async () => {
  const early = registry.repository(NAME);
  for (let at = 0; at < 1_100; at += 1) {
    registry.repository(`other/${at}`);
  }

  await early.createTag('1.0.0', version('1.0.0'));
  await registry.close();

  expect(await indexed()).toEqual(expected(['1.0.0']));
});
