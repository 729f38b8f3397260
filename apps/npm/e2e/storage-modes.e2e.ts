import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { eventually, npmPublishBody, type NpmUpstream, startNpmUpstream, StorageSwitch } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ADMIN_TOKEN, type Cluster, clusterClient, startCluster } from './cluster.ts';

/** The user `user` with the password `s3cret:with colon`. */
const HTPASSWD = 'user:$2b$04$vt//tjhF3OQb9/vFv6oVTef5p6E2UrpAuHfdWfNGrOLcHxUQPhGeC\n';
/** How long the first client may wait until storage is known to be away, and how long everybody after it (ms), on a busy machine. */
const FIRST_MS = 8_000;
const AFTER_MS = 2_000;

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
  readonly ms: number;
}

let cluster: Cluster;
let upstream: NpmUpstream;
let storage: StorageSwitch;
let dockerConfig: string;

async function ask(path: string, init: RequestInit = {}, frontEnd = 0): Promise<Answer> {
  const begun = performance.now();
  const answer = await fetch(`${cluster.frontEnds[frontEnd]?.registry}${path}`, { ...init, headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json', ...init.headers } });
  const text = Buffer.from(await answer.arrayBuffer()).toString('latin1');
  return { status: answer.status, text, headers: answer.headers, ms: performance.now() - begun };
}

async function publish(name: string, version: string, frontEnd = 0): Promise<Answer> {
  return ask(name.replace('/', '%2f'), { method: 'PUT', body: JSON.stringify(npmPublishBody(name, version)) }, frontEnd);
}

/** Waits until /readyz answers 200 and gives these reasons for `degraded`; none: all is well. */
async function readiness(reasons: object): Promise<void> {
  await eventually(`/readyz gives ${JSON.stringify(reasons)}`, async () => {
    const answer = await fetch(`${cluster.frontEnds[0]?.origin}/readyz`);
    const verdict = (await answer.json()) as { readonly status: string; readonly reasons?: object };
    const expected = Object.keys(reasons).length === 0 ? 'ok' : 'degraded';
    return answer.status === 200 && verdict.status === expected && JSON.stringify(verdict.reasons ?? {}) === JSON.stringify(reasons);
  }, 20_000);
}

async function signIn(password: string): Promise<void> {
  const auth = Buffer.from(`user:${password}`).toString('base64');
  await writeFile(join(dockerConfig, 'config.json'), JSON.stringify({ auths: { [new URL(cluster.registry.url).host]: { auth } } }));
}

async function isStored(name: string, version: string): Promise<boolean> {
  const answer = await fetch(`${cluster.registry.url}/v2/packages/npm/${name}/manifests/${version}`, { headers: { accept: 'application/vnd.oci.image.manifest.v1+json' } });
  return answer.ok;
}

function integrityOf({ text }: Answer): string {
  return `sha512-${createHash('sha512').update(Buffer.from(text, 'latin1')).digest('base64')}`;
}

beforeAll(async () => {
  dockerConfig = await mkdtemp(join(tmpdir(), 'storage-modes-'));
  upstream = await startNpmUpstream([
    { name: 'pulled', version: '1.0.0', bytes: 20_000 },
    { name: 'pulled', version: '1.1.0', bytes: 20_000 },
    { name: 'waiting', version: '1.0.0', bytes: 20_000 },
  ]);
  cluster = await startCluster({ NPM_UPSTREAM_URL: upstream.url, DOCKER_CONFIG: dockerConfig });
  storage = new StorageSwitch(cluster);
  await signIn('the one before');
  expect((await publish('@acme/held', '1.0.0')).status).toBe(201);
  expect((await ask('pulled/-/pulled-1.0.0.tgz')).status).toBe(200);
  await eventually('pulled is stored', async () => isStored('pulled', '1.0.0'), 30_000);
}, 90_000);

afterAll(async () => {
  await storage.stop();
  await cluster.stop();
  await upstream.close();
  await rm(dockerConfig, { recursive: true, force: true });
});

describe('storage that is read-only', () => {
  beforeAll(async () => storage.back({ readOnly: true }));

  it('refuses what writes with a text that npm prints', async () => {
    const client = await clusterClient(cluster, 'publisher', 0);
    const directory = await client.makePackage({ name: '@acme/held', version: '2.0.0' });

    const published = await client.run(['publish'], { cwd: directory });
    const tagged = await client.run(['dist-tag', 'add', '@acme/held@1.0.0', 'beta']);
    const deprecated = await client.run(['deprecate', '@acme/held@1.0.0', 'use 2']);
    const unpublished = await client.run(['unpublish', '@acme/held@1.0.0', '--force']);
    const plain = await publish('@acme/held', '2.0.0');

    for (const { code, output } of [published, tagged, deprecated, unpublished]) {
      expect(code).not.toBe(0);
      expect(output).toContain('503');
      expect(output).toMatch(/takes no writes \(405\): it is read-only now; end its read-only or maintenance mode/);
      expect(output).not.toMatch(/^\s+at /m);
    }
    expect(published.output).toContain('Nothing was published');
    expect(tagged.output).toContain('Nothing was changed');
    expect(plain).toMatchObject({ status: 503 });
    expect(plain.headers.get('retry-after')).toBe('60');
  });

  it('serves, shows nothing half, and says so in /readyz', async () => {
    const document = await ask('@acme%2fheld');
    const held = await ask('@acme/held/-/held-1.0.0.tgz');
    const pulled = await ask('waiting/-/waiting-1.0.0.tgz');
    await eventually('a worker says why', async () => cluster.workers.some((worker) => worker.output().includes('jobs wait')), 15_000);
    await readiness({ 'storage-writes': 'storage-read-only' });

    expect(Object.keys((JSON.parse(document.text) as { versions: object }).versions)).toEqual(['1.0.0']);
    expect([held.status, pulled.status]).toEqual([200, 200]);
    expect(integrityOf(pulled)).toBe(upstream.integrityOf('waiting', '1.0.0'));
  });

  it('takes writes when it is back, and has lost no job', async () => {
    await storage.back();

    const published = await publish('@acme/held', '2.0.0');
    await eventually('what waited is stored', async () => isStored('waiting', '1.0.0'), 20_000);
    await readiness({});

    expect(published.status, published.text).toBe(201);
    const lines = cluster.workers.flatMap((worker) => worker.output().split('\n')).filter((line) => line.includes('jobs wait'));
    expect(lines.length).toBeLessThanOrEqual(cluster.workers.length);
    expect(cluster.workers.some((worker) => worker.output().includes('failed for good'))).toBe(false);
  });
});

describe.each([
  ['refuses connections', async (): Promise<void> => storage.away(), 'storage-unavailable'],
  ['hangs', async (): Promise<void> => storage.hanging(), 'storage-unavailable'],
  ['is hidden by a gateway', async (): Promise<void> => storage.unrouted(), 'storage-unavailable'],
  ['refuses the credential', async (): Promise<void> => storage.back({ htpasswd: HTPASSWD }), 'storage-denied'],
])('storage that %s', (_how, leave, reason) => {
  let asked = 0;

  beforeAll(async () => {
    expect((await publish('@acme/held', `3.${Date.now()}.0`)).status).toBe(201);
    for (const path of ['@acme%2fheld', 'pulled']) {
      expect((await ask(path)).headers.get('warning')).toBeNull();
    }
    asked = upstream.requests.length;
    // The list behind what is known is known to be outdated when storage goes away.
    expect((await publish('@acme/held', `3.${Date.now()}.0`, 1)).status).toBe(201);
    await leave();
  });

  it('is found out once, and then everything is answered at once', async () => {
    const first = await publish('@acme/held', '4.0.0');
    const again = await publish('@acme/held', '4.0.0');

    expect(first).toMatchObject({ status: 503, text: expect.stringMatching(/Nothing was (stored or changed|published)/) as string });
    expect(first.text).toMatch(reason === 'storage-denied' ? /credential/ : /check (the storage URL and )?that (the registry|it) is up|look at the gateway|is the storage URL that of a registry/);
    expect(first.headers.get('retry-after')).not.toBeNull();
    expect(first.ms).toBeLessThan(FIRST_MS);
    expect(again.status).toBe(503);
    await readiness({ storage: reason });
  });

  it('leaves the documents that are known, private ones too', async () => {
    const held = await ask('@acme%2fheld');
    const pulled = await ask('pulled');

    expect([held.status, pulled.status]).toEqual([200, 200]);
    expect(held.headers.get('warning')).toMatch(/^110 .*storage cannot be asked/);
    expect(Object.keys((JSON.parse(held.text) as { versions: object }).versions)).toContain('2.0.0');
    expect(Math.max(held.ms, pulled.ms)).toBeLessThan(AFTER_MS);
  });

  it('says of nothing that it is missing, and tells upstream no name that may be private', async () => {
    const answers = await Promise.all(['@acme/held/-/held-1.0.0.tgz', '@acme%2fnever', 'never', 'never/-/never-1.0.0.tgz', '@acme%2fheld/9.9.9'].map(async (path) => ask(path)));

    expect(answers.map(({ status }) => status)).toEqual([503, 503, 503, 503, 503]);
    expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(AFTER_MS);
    expect(upstream.requests.slice(asked).filter((path) => /acme|never/.test(path))).toEqual([]);
  });

  it('leaves the files that are upstream\'s', async () => {
    const stored = await ask('pulled/-/pulled-1.0.0.tgz');

    expect(stored.status, stored.text.slice(0, 300)).toBe(200);
    expect(integrityOf(stored)).toBe(upstream.integrityOf('pulled', '1.0.0'));
  });

  it('lets npm say what is wrong', async () => {
    const client = await clusterClient(cluster, `reader-${reason}`, 0, null);

    const installed = await client.run(['install', '@acme/held@1.0.0'], { cwd: await client.makePackage({ name: 'p', version: '1.0.0' }) });

    expect(installed.code).not.toBe(0);
    expect(installed.output).toContain('503');
    expect(installed.output).not.toMatch(/\bE?404\b|^\s+at /m);
  });

  it('is used again within seconds of its return', async () => {
    if (reason === 'storage-denied') {
      await signIn('s3cret:with colon');
    } else {
      await storage.back();
    }

    let last: Answer | null = null;
    await eventually('it can be published again', async () => {
      last = await publish('@acme/held', `5.${Date.now()}.0`);
      return last.status === 201;
    }, 10_000);
    await readiness({});
    const [document, file, missing] = await Promise.all(['@acme%2fheld', '@acme/held/-/held-1.0.0.tgz', 'never'].map(async (path) => ask(path)));

    expect([document?.status, file?.status, missing?.status]).toEqual([200, 200, 404]);
    expect(document?.headers.get('warning')).toBeNull();
  });
});
