import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { eventually, type PackageFile, pypiUploadBody, type PypiUpstream, type PythonClients, pythonClients, startPypiUpstream, StorageSwitch, wheelFile } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type PypiCluster, startPypiCluster } from './pypi-cluster.ts';
import { ADMIN_TOKEN } from './pypi-standalone.ts';

/** How long the first client may wait until storage is known to be away, and how long everybody after it (ms), on a busy machine. */
const FIRST_MS = 8_000;
const AFTER_MS = 2_000;

const held = wheelFile({ name: 'held', version: '1.0' });
const pulled = wheelFile({ name: 'pulled', version: '1.0' });
const waiting = wheelFile({ name: 'waiting', version: '1.0' });

let cluster: PypiCluster;
let upstream: PypiUpstream;
let storage: StorageSwitch;

interface Answer {
  readonly status: number;
  readonly bytes: Buffer;
  readonly headers: Headers;
  readonly ms: number;
}

async function ask(path: string, init: RequestInit = {}, frontEnd = 0): Promise<Answer> {
  const begun = performance.now();
  const answer = await fetch(`${cluster.frontEnds[frontEnd]?.origin}${path}`, { ...init, headers: { authorization: `Bearer ${ADMIN_TOKEN}`, ...init.headers } });
  return { status: answer.status, bytes: Buffer.from(await answer.arrayBuffer()), headers: answer.headers, ms: performance.now() - begun };
}

async function upload(version: string, frontEnd = 0): Promise<Answer> {
  const { contentType, body } = pypiUploadBody({ file: wheelFile({ name: 'held', version }) });
  return ask('/legacy/', { method: 'POST', headers: { 'content-type': contentType }, body: new Uint8Array(body) }, frontEnd);
}

async function yank(): Promise<Answer> {
  return ask('/api/v1/pypi/projects/held/versions/1.0/yank', { method: 'PUT', headers: { 'content-type': 'application/json' }, body: '{"reason":"bad"}' });
}

/** Waits until /readyz answers 200 and gives these reasons for `degraded`; none: all is well. */
async function readiness(reasons: object): Promise<void> {
  await eventually(`/readyz gives ${JSON.stringify(reasons)}`, async () => {
    const { status, bytes } = await ask('/readyz');
    return status === 200 && JSON.stringify((JSON.parse(bytes.toString()) as { readonly reasons?: object }).reasons ?? {}) === JSON.stringify(reasons);
  }, 20_000);
}

async function isStored({ filename }: PackageFile): Promise<boolean> {
  const address = `${cluster.registry.url}/v2/packages/pypi/${filename.split('-')[0]}/manifests/${filename}`;
  return (await fetch(address, { headers: { accept: 'application/vnd.oci.image.manifest.v1+json' } })).ok;
}

async function clients(): Promise<{ readonly made: PythonClients; readonly wheel: string }> {
  const { index = '', upload: address = '' } = cluster.frontEnds[0] ?? {};
  const directory = join(cluster.directory, 'clients');
  const made = await pythonClients({ directory, index, upload: address, token: ADMIN_TOKEN });
  const file = wheelFile({ name: 'held', version: '7.0' });
  await mkdir(join(directory, 'dist'), { recursive: true });
  const wheel = join(directory, 'dist', file.filename);
  await writeFile(wheel, file.bytes);
  return { made, wheel };
}

beforeAll(async () => {
  upstream = await startPypiUpstream([pulled, waiting].map((file) => ({ name: file.filename.split('-')[0] ?? '', files: [{ file }] })), { links: 'relative' });
  cluster = await startPypiCluster({ PYPI_UPSTREAM_URL: upstream.url });
  storage = new StorageSwitch(cluster);
  expect((await upload('1.0')).status).toBe(200);
  expect((await ask(`/files/pulled/${pulled.filename}`)).status).toBe(200);
  await eventually('pulled is stored', async () => isStored(pulled), 30_000);
}, 90_000);

afterAll(async () => {
  await storage.stop();
  await cluster.stop();
  await upstream.close();
});

describe('storage that is read-only', () => {
  beforeAll(async () => storage.back({ readOnly: true }));

  it('refuses uploads with a text that twine and uv print, and yanks', async () => {
    const { made, wheel } = await clients();

    const twine = await made.twine(['upload', '--verbose', wheel]);
    const uv = await made.uv(['publish', wheel], { environment: { UV_HTTP_RETRIES: '0' } });
    const plain = await upload('2.0');
    const yanked = await yank();

    for (const { code, output } of [twine, uv]) {
      expect(code).not.toBe(0);
      expect(output.replace(/\s+/g, ' ')).toMatch(/takes no writes \(405\): it is read-only now; end its read-only or maintenance mode. Nothing was published/);
      expect(output).not.toContain('Traceback');
    }
    expect([plain.status, plain.headers.get('retry-after'), yanked.status]).toEqual([503, '60', 503]);
    expect(yanked.bytes.toString()).toContain('Nothing was changed');
  });

  it('serves, shows nothing half, pulls through, and takes what waited when it is back', async () => {
    const page = await ask('/simple/held/');
    const file = await ask(`/files/held/${held.filename}`);
    const through = await ask(`/files/waiting/${waiting.filename}`);
    await readiness({ 'storage-writes': 'storage-read-only' });
    await eventually('a worker says why', async () => cluster.workers.some((worker) => worker.output().includes('jobs wait')), 15_000);
    await storage.back();
    const uploaded = await upload('2.0');
    await eventually('what waited is stored', async () => isStored(waiting), 20_000);
    await readiness({});

    expect([page.status, file.status, through.status, uploaded.status]).toEqual([200, 200, 200, 200]);
    expect(page.bytes.toString()).not.toContain('held-2.0');
    expect(createHash('sha256').update(through.bytes).digest('hex')).toBe(waiting.sha256);
    expect(cluster.workers.some((worker) => worker.output().includes('failed for good'))).toBe(false);
  });
});

describe('storage that is away', () => {
  let asked = 0;

  beforeAll(async () => {
    expect([(await ask('/simple/held/')).status, (await ask('/simple/pulled/')).status]).toEqual([200, 200]);
    asked = upstream.requests.length;
    // The list behind what is known is known to be outdated when storage goes away.
    expect((await upload('3.0', 1)).status).toBe(200);
    await storage.away();
  });

  it('is found out once; what is known is served, and nothing is said to be missing', async () => {
    const first = await upload('4.0');
    await readiness({ storage: 'storage-unavailable' });
    const known = await Promise.all([ask('/simple/held/'), ask('/simple/pulled/'), ask(`/files/pulled/${pulled.filename}`)]);
    const unknown = await Promise.all([upload('4.0'), yank(), ...[`/files/held/${held.filename}`, '/files/held/held-9.0-py3-none-any.whl', '/simple/never/', '/files/never/never-1.0-py3-none-any.whl'].map(async (path) => ask(path))]);

    expect(first.status).toBe(503);
    expect(first.bytes.toString()).toMatch(/check the storage URL and that the registry is up. Nothing was stored or changed/);
    expect(first.ms).toBeLessThan(FIRST_MS);
    expect(known.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(known[0]?.headers.get('warning')).toMatch(/^110 .*storage cannot be asked/);
    expect(createHash('sha256').update(known[2]?.bytes ?? '').digest('hex')).toBe(pulled.sha256);
    expect(unknown.map(({ status }) => status)).toEqual([503, 503, 503, 503, 503, 503]);
    expect(Math.max(...[...known, ...unknown].map(({ ms }) => ms))).toBeLessThan(AFTER_MS);
    expect(upstream.requests.slice(asked).filter((path) => /held|never/.test(path))).toEqual([]);
  });

  it('makes pip say what is wrong, not that there is no such version', async () => {
    const { made } = await clients();

    const installed = await made.pip(['install', '--retries', '0', '--no-deps', 'held==1.0'], { python: await made.venv('away') });

    expect(installed.code).not.toBe(0);
    expect(installed.output).toContain('503');
    expect(installed.output).not.toMatch(/\b404\b|No matching distribution|Traceback/);
  });

  it('is used again within seconds of its return', async () => {
    await storage.back();

    await eventually('uploads are taken', async () => (await upload('5.0')).status === 200, 10_000);
    const answers = await Promise.all(['/simple/held/', `/files/held/${held.filename}`, '/simple/never/'].map(async (path) => ask(path)));
    await readiness({});

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 404]);
    expect(answers[0]?.headers.get('warning')).toBeNull();
  });
});
