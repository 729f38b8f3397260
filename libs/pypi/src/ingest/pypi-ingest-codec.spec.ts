import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { rm } from 'node:fs/promises';

import type { IngestCodec, IngestJob, IngestPlan } from '@oci-package-proxy/ingest';
import { MemoryRegistry } from '@oci-package-proxy/oci';
import { Ledger } from '@oci-package-proxy/storage';
import { type PackageFile, type PypiUpstream, sdistFile, startPypiUpstream, startScriptedServer, temporaryDirectory, wheelFile } from '@oci-package-proxy/testing';
import { DocumentCache, type SpooledFile, UpstreamClient } from '@oci-package-proxy/upstream';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { createIndexes } from '../config/create-indexes.ts';
import { PYPI_SECTION } from '../config/pypi-section.ts';
import { mainRef, upstreamRef } from '../model/holdings.ts';
import { PYPI_TYPES } from '../model/pypi-fact.ts';
import { pypiIngestCodec } from './pypi-ingest-codec.ts';

const NAME = 'left-pad';
const FILE = wheelFile({ name: 'Left.Pad', version: '1.0', requiresPython: '>=3.8' });
const SDIST = sdistFile({ name: NAME, version: '1.0' });
const EGG: PackageFile = { filename: 'left_pad-1.0-py3.12.egg', bytes: Buffer.from('egg'), sha256: digest('sha256', Buffer.from('egg')), metadata: Buffer.alloc(0) };
const SIGNAL = new AbortController().signal;

let directory: string;
let upstream: PypiUpstream;
let client: UpstreamClient;
let ledger: Ledger;

beforeEach(async () => {
  directory = await temporaryDirectory('pypi-ingest');
  upstream = await startPypiUpstream([{ name: NAME, files: [{ file: FILE, requiresPython: '>=3.7', yanked: 'bad', provenance: {} }, { file: SDIST }, { file: EGG }], status: { status: 'archived', reason: 'old' } }], { links: 'relative' });
  client = new UpstreamClient({ instanceId: 'spec', allowedOrigins: [upstream.url], retry: { attempts: 1 } });
  ledger = new Ledger({ registry: new MemoryRegistry() });
});

afterEach(async () => {
  await client.close();
  await upstream.close();
  await rm(directory, { recursive: true, force: true });
});

function digest(algorithm: string, bytes: Buffer): string {
  return createHash(algorithm).update(bytes).digest('hex');
}

function codecOn(config: { readonly privateNames?: readonly string[]; readonly defaultUrl?: string | null; readonly section?: unknown; readonly ttlMs?: number }): IngestCodec {
  const indexes = createIndexes({
    section: PYPI_SECTION.parse(config.section ?? { upstreams: { other: upstream.url }, indexes: { both: { upstreams: ['other'] } } }),
    defaultUrl: config.defaultUrl === undefined ? upstream.url : config.defaultUrl,
    privateNames: config.privateNames ?? [],
    upstreamAt: () => ({ upstream: client, documents: new DocumentCache({ upstream: client, ttlMs: config.ttlMs ?? 0, errorTtlMs: 0, negativeTtlMs: 0 }) }),
  });
  return pypiIngestCodec({ indexes, ledger });
}

async function plan(job: Partial<IngestJob> = {}, config: Parameters<typeof codecOn>[0] = {}): Promise<IngestPlan | null> {
  return codecOn(config).plan(jobOf(job), SIGNAL);
}

function jobOf(job: Partial<IngestJob>): IngestJob {
  return { version: 1, ecosystem: 'pypi', package: NAME, file: FILE.filename, digest: `sha256:${FILE.sha256}`, holder: null, at: 0, ...job };
}

async function spooled({ filename, bytes }: PackageFile): Promise<SpooledFile> {
  const path = `${directory}/${filename}`;
  await writeFile(path, bytes);
  return { path, size: bytes.length, sha256: digest('sha256', bytes), sha512: digest('sha512', bytes), sha1: digest('sha1', bytes), md5: digest('md5', bytes) };
}

it('plans a fact of what never changes, and keeps what does as the last state of upstream', async () => {
  const planned = await plan();
  const fact = await planned?.build(await spooled(FILE));

  expect(planned).toMatchObject({
    ref: mainRef(NAME),
    tag: FILE.filename,
    key: `pypi/default/${NAME}/${FILE.filename}/sha256:${FILE.sha256}`,
    expected: { sha256: FILE.sha256, size: FILE.bytes.length },
    upstreamState: { yanked: { [FILE.filename]: 'bad' }, status: { status: 'archived', reason: 'old' }, provenance: { [FILE.filename]: expect.stringContaining(`/integrity/${FILE.filename}/provenance`) as string } },
  });
  expect(fact).toMatchObject({ tag: FILE.filename, version: FILE.filename, artifactType: PYPI_TYPES.file, payload: `sha256:${FILE.sha256}`, at: '2024-05-01T12:00:00.123Z' });
  expect(JSON.parse(fact?.document ?? '')).toEqual({
    filename: FILE.filename,
    name: NAME,
    version: '1.0',
    hashes: { sha256: FILE.sha256 },
    size: FILE.bytes.length,
    requiresPython: '>=3.7',
    uploadTime: '2024-05-01T12:00:00.123456Z',
    metadataSha256: digest('sha256', FILE.metadata),
  });
  expect(fact?.layers.map(({ mediaType, source }) => [mediaType, source.digest])).toEqual([
    [PYPI_TYPES.wheel, `sha256:${FILE.sha256}`],
    [PYPI_TYPES.metadata, `sha256:${digest('sha256', FILE.metadata)}`],
  ]);
});

it.each([
  [SDIST, PYPI_TYPES.sdist, 2],
  [EGG, PYPI_TYPES.other, 1],
])('stores $filename as what it is', async (file, mediaType, layers) => {
  const planned = await plan({ file: file.filename, digest: `sha256:${file.sha256}` });
  const fact = await planned?.build(await spooled(file));

  expect(fact?.layers[0]?.mediaType).toBe(mediaType);
  expect(fact?.layers).toHaveLength(layers);
  expect(JSON.parse(fact?.document ?? '')).toMatchObject({ version: '1.0', metadataSha256: null });
});

it('learns of the file what upstream does not say', async () => {
  const server = await startScriptedServer((request, response) => {
    const isFile = request.url.endsWith('.whl');
    response.writeHead(200, isFile ? { 'last-modified': 'Wed, 01 May 2024 12:00:00 GMT' } : { 'content-type': 'text/html' }).end(isFile ? FILE.bytes : `<a href="/${FILE.filename}">${FILE.filename}</a>`);
  });
  await client.close();
  client = new UpstreamClient({ instanceId: 'spec', allowedOrigins: [server.url], retry: { attempts: 1 } });

  const planned = await plan({}, { defaultUrl: server.url });
  const fact = await planned?.build(await spooled(FILE));
  await server.stop();

  expect(planned).toMatchObject({ key: `pypi/default/${NAME}/${FILE.filename}/unknown`, expected: { sha256: FILE.sha256 } });
  expect(fact?.at).toBe('2024-05-01T12:00:00.000Z');
  expect(JSON.parse(fact?.document ?? '')).toMatchObject({ uploadTime: '2024-05-01T12:00:00Z', requiresPython: '>=3.8', metadataSha256: digest('sha256', FILE.metadata) });
});

it('takes no other bytes from the spool than those that were handed in', async () => {
  upstream.put({ name: NAME, files: [{ file: FILE, hashes: {} }] });

  const planned = await plan({ digest: `sha256:${'0'.repeat(64)}` });

  await expect(planned?.build(await spooled(FILE))).rejects.toMatchObject({ code: 'integrity' });
});

it('asks upstream again before it says that other bytes were fetched than are announced', async () => {
  const codec = codecOn({ ttlMs: 60_000 });
  upstream.put({ name: NAME, files: [{ file: FILE, hashes: { sha256: '0'.repeat(64) } }] });
  await expect(codec.plan(jobOf({}), SIGNAL)).rejects.toMatchObject({ code: 'integrity' });
  upstream.mode = 'error';
  await expect(codec.plan(jobOf({}), SIGNAL)).rejects.toMatchObject({ code: 'upstream-unavailable' });
  upstream.mode = 'up';
  upstream.put({ name: NAME, files: [{ file: FILE }] });

  const planned = await codec.plan(jobOf({}), SIGNAL);

  expect(planned).toMatchObject({ expected: { sha256: FILE.sha256 } });
});

it('makes the same fact, whoever makes it', async () => {
  const facts = await Promise.all([plan(), plan()].map(async (planned) => (await planned)?.build(await spooled(FILE))));

  expect(facts[0]?.document).toBe(facts[1]?.document);
  expect(facts[0]?.layers.map(({ source }) => source.digest)).toEqual(facts[1]?.layers.map(({ source }) => source.digest));
});

it('stores beside what is published here only where it is merged', async () => {
  const merged = { indexes: { default: { upstreams: ['default'], merge: [NAME] } } };
  await ledger.decideOrigin(mainRef(NAME), 'published');

  expect((await plan({}, { section: merged }))?.ref).toEqual(upstreamRef('default', NAME));
  await expect(plan()).rejects.toMatchObject({ code: 'policy' });
  await expect(plan({ package: `other/${NAME}` })).rejects.toMatchObject({ code: 'policy' });
  expect(upstream.requests.filter((path) => path.startsWith('/simple/'))).toHaveLength(1);
});

it('does not take a list from before for what is decided now', async () => {
  const registry = new MemoryRegistry();
  ledger = new Ledger({ registry });
  await ledger.fold(mainRef(NAME));
  await new Ledger({ registry }).decideOrigin(mainRef(NAME), 'published');

  await expect(plan({ package: `other/${NAME}` })).rejects.toMatchObject({ code: 'policy' });
  expect(upstream.requests).toEqual([]);
});

it('stores what came from another upstream in its own place', async () => {
  expect(await plan({ package: `other/${NAME}` })).toMatchObject({ ref: upstreamRef('other', NAME), key: `pypi/other/${NAME}/${FILE.filename}/sha256:${FILE.sha256}` });
});

it.each([
  ['other bytes', { digest: `sha256:${'0'.repeat(64)}` }, {}, 'integrity'],
  ['no digest', { digest: 'crc:1' }, {}, 'invalid'],
  ['no project', { package: 'Left.Pad' }, {}, 'invalid'],
  ['a path', { package: 'other/../x' }, {}, 'invalid'],
  ['a private name', {}, { privateNames: ['left-*'] }, 'policy'],
  ['an upstream that is off', {}, { defaultUrl: null }, 'not-found'],
  ['an upstream that nobody knows', { package: `gone/${NAME}` }, {}, 'not-found'],
  ['a project that upstream does not have', { package: 'nothing' }, {}, 'not-found'],
])('fails for good: %s', async (_, job, config, code) => {
  await expect(plan(job, config)).rejects.toMatchObject({ code });
});

it('says that upstream no longer has a file, and is tried again when upstream fails', async () => {
  expect(await plan({ file: 'left_pad-9.9-py3-none-any.whl' })).toBeNull();
  upstream.mode = 'error';
  await expect(plan()).rejects.toMatchObject({ code: 'upstream-unavailable' });
});
