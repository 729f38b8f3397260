import { rm } from 'node:fs/promises';

import { type BlobSource, bufferBlob, EMPTY_BYTES, isManifest, MemoryRegistry, parseManifest, RemoteRegistry } from '@oci-package-proxy/oci';
import { type RunningRegistry, type ScriptedServer, startDockerRegistry, startScriptedServer, temporaryDirectory } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { encodeEvent } from './event.ts';
import { documentBlob, encodeFact } from './fact-manifest.ts';
import type { PackageRef } from './index.ts';
import { Ledger } from './ledger.ts';
import { markerManifest } from './marker.ts';
import { originManifest } from './origin.ts';
import { type WrittenTag, writeRegistryTags } from './registry-files.contract.ts';
import { Reindexer } from './reindexing.ts';
import { keptLog, newFact } from './sample-fact.contract.ts';
import { readStoredBlob } from './stored-blob.ts';
import { deletionTag, eventTag, ORIGIN_TAG, SNAPSHOT_TAG } from './tags.ts';
import { ANNOTATIONS, LEDGER_TYPES } from './vendor.ts';

/** What distribution 3 and most others send at once. */
const PAGE = 1_000;
const MANY = { facts: 18_900, events: 1_000, deletions: 99 };
const FEW = { facts: 190, events: 10, deletions: 9 };

type Counts = typeof MANY;

function totalOf({ facts, events, deletions }: Counts): number {
  return facts + events + deletions + 1;
}

/** Versions, events over a hundred keys, deletions of the first versions, and the origin. */
function* tagsOf(ref: PackageRef, { facts, events, deletions }: Counts): Iterable<WrittenTag & { readonly blobs: readonly BlobSource[] }> {
  yield { tag: ORIGIN_TAG, manifest: originManifest('published'), blobs: [] };
  for (let number = 0; number < facts; number += 1) {
    const fact = newFact(`1.0.${number}`, { content: 'the same file' });
    yield { tag: fact.tag, manifest: encodeFact(ref, fact, { origin: 'published', stamp: null, by: 'alice' }), blobs: [documentBlob(fact), ...fact.layers.map(({ source }) => source)] };
  }
  for (let number = 0; number < events; number += 1) {
    const tag = eventTag({ sequence: number + 1, random: number.toString(16).padStart(16, '0') });
    const { manifest, blob } = encodeEvent(tag, { key: `key-${number % 100}`, value: number, at: '2026-01-02T03:04:05.000Z', by: 'alice' });
    yield { tag, manifest, blobs: [blob] };
  }
  for (let number = 0; number < deletions; number += 1) {
    const tag = deletionTag(`1.0.${number}`);
    yield { tag, manifest: markerManifest(LEDGER_TYPES.deletion, tag, { [ANNOTATIONS.deletes]: `1.0.${number}` }), blobs: [] };
  }
}

/** Puts the snapshot into `remote` that `reindex` writes for the same tags where reading them one by one takes no time. */
async function copySnapshot(ref: PackageRef, counts: Counts, remote: RemoteRegistry): Promise<unknown> {
  const registry = new MemoryRegistry();
  const [from, to] = [registry.repository(ref.repository), remote.repository(ref.repository)];
  await from.writeBlob(bufferBlob(EMPTY_BYTES));
  for (const { tag, manifest, blobs } of tagsOf(ref, counts)) {
    for (const blob of blobs) {
      await from.writeBlob(blob);
    }
    await from.writeManifest(manifest, { tag });
  }
  const outcome = await new Reindexer({ registry, logger: keptLog() }).reindex(ref);
  const snapshot = await from.readManifest(SNAPSHOT_TAG);
  const manifest = snapshot === null ? null : parseManifest(snapshot);
  const [layer] = manifest !== null && isManifest(manifest) ? manifest.layers : [];
  const bytes = layer === undefined ? null : await readStoredBlob(from, layer, { limit: layer.size });
  if (snapshot === null || bytes === null) {
    throw new Error('reindex wrote no snapshot');
  }
  for (const content of [EMPTY_BYTES, bytes]) {
    await to.writeBlob(bufferBlob(content));
  }
  await to.writeManifest(snapshot, { tag: SNAPSHOT_TAG });
  return outcome;
}

/** Stands before the registry, counts requests and, with `paged`, sends its list in pages with a Link, as distribution 3 does. */
async function startCounting(target: string, paged: boolean): Promise<ScriptedServer> {
  return startScriptedServer(async ({ method, url, headers, body }, response) => {
    const { pathname, searchParams } = new URL(url, target);
    const { host: _own, 'transfer-encoding': _framed, 'content-length': _length, connection: _connection, ...kept } = headers;
    const answer = await fetch(`${target}${url}`, { method, headers: kept as Record<string, string>, ...(body.length > 0 && { body: new Uint8Array(body) }) });
    const bytes = Buffer.from(await answer.arrayBuffer());
    const { 'content-encoding': _coded, 'transfer-encoding': _chunked, location, ...said } = Object.fromEntries(answer.headers);
    if (!paged || !pathname.endsWith('/tags/list')) {
      response.writeHead(answer.status, { ...said, ...(location !== undefined && { location: location.replace(target, '') }) }).end(bytes);
      return;
    }
    const { name, tags } = JSON.parse(bytes.toString()) as { name: string; tags: string[] };
    const sorted = tags.toSorted();
    const start = sorted.indexOf(searchParams.get('last') ?? '') + 1;
    const page = sorted.slice(start, start + PAGE);
    const link = start + PAGE < sorted.length ? { link: `<${pathname}?n=${PAGE}&last=${encodeURIComponent(page.at(-1) ?? '')}>; rel="next"` } : {};
    response.writeHead(200, { 'content-type': 'application/json', ...link }).end(JSON.stringify({ name, tags: page }));
  });
}

describe('a package of 20 000 tags in docker-registry', () => {
  const many: PackageRef = { ecosystem: 'test', name: 'many', repository: 'test/many' };
  const few: PackageRef = { ecosystem: 'test', name: 'few', repository: 'test/few' };
  const measured: string[] = [];
  let directory: string;
  let running: RunningRegistry;
  const open: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    directory = await temporaryDirectory('many-tags');
    await took('written to disk', async () => {
      // Nobody may read a tag that the snapshot covers, and so there is nothing to be read.
      writeRegistryTags(tagsOf(many, MANY), { directory, repository: many.repository, listedOnly: true });
      writeRegistryTags(tagsOf(few, FEW), { directory, repository: few.repository, listedOnly: false });
      return Promise.resolve();
    });
    running = await startDockerRegistry({ directory });
    const outcome = await took('its snapshot made by reindex', async () => copySnapshot(many, MANY, remote(running.url)));
    expect(outcome).toMatchObject({ tags: totalOf(MANY), unread: 0, snapshot: 'written' });
  }, 180_000);
  afterAll(async () => {
    process.stdout.write(`\n20 000 tags: ${measured.join('; ')}\n`);
    await Promise.all(open.map(async (close) => close()));
    await running.stop();
    await rm(directory, { recursive: true, force: true });
  }, 120_000);

  function remote(url: string): RemoteRegistry {
    const registry = new RemoteRegistry({ url });
    open.push(async () => registry.close());
    return registry;
  }

  async function took<T>(what: string, work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    const result = await work();
    measured.push(`${what} in ${Math.round(performance.now() - began)} ms, resident ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB`);
    return result;
  }

  /** A ledger that has read nothing, and what it asks. */
  async function counted(paged: boolean): Promise<{ readonly ledger: Ledger; readonly log: ReturnType<typeof keptLog>; asked(): readonly string[] }> {
    const server = await startCounting(running.url, paged);
    open.push(async () => server.stop());
    const log = keptLog();
    let before = 0;
    return {
      ledger: new Ledger({ registry: remote(server.url), logger: log }),
      log,
      asked: () => {
        const paths = server.requests.slice(before).map(({ method, url }) => `${method} ${url.replace(/\?.*|^\/v2\/test\/\w+\//g, '').replace(/sha256:.*/, '<digest>')}`);
        before = server.requests.length;
        return paths;
      },
    };
  }

  function pages(count: number): readonly string[] {
    return Array.from({ length: count }, () => 'GET tags/list');
  }

  it.each([
    { form: 'all at once, as distribution 2.8 lists it', paged: false, count: 1 },
    { form: 'in pages, as distribution 3 lists it', paged: true, count: Math.ceil((totalOf(MANY) + 1) / PAGE) },
  ])('is folded with its list and 2 requests cold, with its list alone warm: $form', async ({ paged, count }) => {
    const { ledger, log, asked } = await counted(paged);

    const cold = await took(`folded cold, ${count} pages,`, async () => ledger.fold(many));
    const first = asked();
    const warm = await took('listed again', async () => ledger.fold(many, { fresh: true }));
    const second = asked();
    await ledger.fold(many);

    expect(first).toEqual([...pages(count), 'GET manifests/_snapshot', 'GET blobs/<digest>']);
    expect(second).toEqual(pages(count));
    expect(asked(), 'a list that lives is not asked for again').toEqual([]);
    expect([cold.facts.size, cold.deletedTags.size, cold.values.size, cold.values.get('key-42')?.value, cold.origin]).toEqual([MANY.facts - MANY.deletions, MANY.deletions, 100, 942, 'published']);
    expect(warm).toBe(cold);
    expect(log.messages).toEqual([]);
  }, 120_000);

  it('costs one request more for each version that came since', async () => {
    const { ledger, asked } = await counted(true);
    await ledger.fold(many);
    asked();
    const publisher = new Ledger({ registry: remote(running.url) });
    for (const version of ['2.0.0', '2.0.1']) {
      await publisher.publish(many, newFact(version), { by: 'alice' });
    }

    const { facts } = await ledger.fold(many, { fresh: true });

    expect(asked().filter((request) => !request.endsWith('tags/list')).toSorted()).toEqual(['GET manifests/2.0.0', 'GET manifests/2.0.1']);
    expect(facts.size).toBe(MANY.facts - MANY.deletions + 2);
  }, 120_000);

  it('would cost a request for each of its tags without the snapshot: seen at 210', async () => {
    const { ledger, asked } = await counted(false);

    await ledger.fold(few);

    // A deletion says all by its name. A list of 210 does not look cut.
    expect(asked()).toHaveLength(1 + totalOf(FEW) - FEW.deletions);
  });
});
