import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';

import { eventually, moduleArchive, providerRelease, signingKey, startTerraformUpstream, StorageSwitch, temporaryDirectory, type TerraformUpstream, type TestKey } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { PLATFORMS } from './own-platform.ts';
import { type TerraformAddresses, type TerraformCluster, startTerraformCluster } from './terraform-cluster.ts';
import { UPSTREAM_HOST, upstreamConfigFile } from './terraform-config-file.ts';

/** How long the first client may wait until storage is known to be away, and how long everybody after it (ms), on a busy machine. */
const FIRST_MS = 8_000;
const AFTER_MS = 2_000;

let directory: string;
let upstream: TerraformUpstream;
let cluster: TerraformCluster;
let storage: StorageSwitch;
let key: TestKey;

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
  readonly ms: number;
}

function front(index = 0): TerraformAddresses & { readonly origin: string } {
  const found = cluster.frontEnds[index];
  if (found === undefined) {
    throw new Error('no such front end');
  }
  return found;
}

async function ask(path: string): Promise<Answer> {
  const begun = performance.now();
  const answer = await fetch(new URL(path, front().origin));
  const text = Buffer.from(await answer.arrayBuffer()).toString('latin1');
  return { status: answer.status, text, headers: answer.headers, ms: performance.now() - begun };
}

/** The archive of a provider that is pulled through, by the link that a client would follow. */
async function pulled(type: string): Promise<{ readonly status: number; readonly sha256: string }> {
  const url = `${through}/acme/${type}/1.0.0/download/linux/amd64`;
  const answer = await ask(url);
  if (answer.status !== 200) {
    return { status: answer.status, sha256: '' };
  }
  const link = new URL((JSON.parse(answer.text) as { readonly download_url: string }).download_url, new URL(url, front().origin));
  const file = await ask(link.href);
  return { status: file.status, sha256: createHash('sha256').update(Buffer.from(file.text, 'latin1')).digest('hex') };
}

async function publish(version: string, index = 0): Promise<Answer> {
  const begun = performance.now();
  const { files } = await providerRelease({ type: 'held', version, platforms: PLATFORMS, key });
  const answer = await front(index).publishProvider(`acme/held/${version}`, files);
  return { ...answer, ms: performance.now() - begun };
}

/** Waits until /readyz answers 200 and gives these reasons for `degraded`; none: all is well. */
async function readiness(reasons: object): Promise<void> {
  await eventually(`/readyz gives ${JSON.stringify(reasons)}`, async () => {
    const { status, text } = await ask('/readyz');
    return status === 200 && JSON.stringify((JSON.parse(text) as { readonly reasons?: object }).reasons ?? {}) === JSON.stringify(reasons);
  }, 20_000);
}

async function isStored(type: string): Promise<boolean> {
  const address = `${cluster.registry.url}/v2/packages/terraform/providers/${UPSTREAM_HOST}/acme/${type}/manifests/_p.linux_amd64.1.0.0`;
  return (await fetch(address, { headers: { accept: 'application/vnd.oci.image.manifest.v1+json' } })).ok;
}

const held = '/providers/v1/acme/held/versions';
const through = `/upstream/${UPSTREAM_HOST}/providers/v1`;
const YANK = { body: '{"reason":"old"}', contentType: 'application/json' };

beforeAll(async () => {
  directory = await temporaryDirectory('terraform-storage-modes');
  upstream = await startTerraformUpstream();
  key = await signingKey();
  for (const type of ['pulled', 'waiting']) {
    upstream.put({ namespace: 'acme', type, releases: [await providerRelease({ type, version: '1.0.0', platforms: PLATFORMS, key })] });
  }
  cluster = await startTerraformCluster({ CONFIG_FILE: await upstreamConfigFile(directory, upstream) });
  storage = new StorageSwitch(cluster);
  expect((await front().addKey('acme', key.publicKey)).status).toBe(201);
  expect((await publish('1.0.0')).status).toBe(201);
  expect((await pulled('pulled')).status).toBe(200);
  await eventually('it is stored', async () => isStored('pulled'), 60_000);
}, 120_000);

afterAll(async () => {
  await storage?.stop();
  await cluster?.stop();
  await upstream?.close();
  await rm(directory, { recursive: true, force: true });
});

describe('storage that is read-only', () => {
  beforeAll(async () => storage.back({ readOnly: true }));

  it('refuses what writes and says what to do, serves, pulls through, and takes what waited when it is back', async () => {
    const published = await publish('2.0.0');
    const module = await front().publishModule('acme/network/aws/1.0.0', moduleArchive({ files: { 'main.tf': '' } }).bytes);
    const yanked = await front().call('PUT', 'providers/acme/held/1.0.0/yank', YANK);
    const list = await ask(held);
    const fetched = await pulled('waiting');
    await readiness({ 'storage-writes': 'storage-read-only' });
    await eventually('a worker says why', async () => cluster.workers.some((worker) => worker.output().includes('jobs wait')), 15_000);
    await storage.back();
    const again = await publish('2.0.0');
    await eventually('what waited is stored', async () => isStored('waiting'), 30_000);
    await readiness({});

    expect([published, module, yanked].map(({ status }) => status)).toEqual([503, 503, 503]);
    expect([published, module, yanked].map(({ headers }) => headers.has('retry-after'))).toEqual([true, true, true]);
    for (const { text } of [published, module, yanked]) {
      expect(text).toMatch(/takes no writes \(405\): it is read-only now; end its read-only or maintenance mode. Nothing was (published|changed)/);
    }
    expect([list.status, fetched.status, again.status]).toEqual([200, 200, 201]);
    expect(list.text).not.toContain('2.0.0');
    expect(cluster.workers.some((worker) => worker.output().includes('failed for good'))).toBe(false);
  }, 90_000);
});

describe('storage that is away', () => {
  it('is found out once; what is known is served, nothing is said to be missing, and all goes on when it is back', async () => {
    expect([(await ask(held)).status, (await ask(`${through}/acme/pulled/versions`)).status, (await pulled('pulled')).status]).toEqual([200, 200, 200]);
    const asked = upstream.requests.length;
    // The list behind what is known is known to be outdated when storage goes away.
    expect((await publish('3.0.0', 1)).status).toBe(201);
    await storage.away();

    const first = await publish('4.0.0');
    await readiness({ storage: 'storage-unavailable' });
    const known = await Promise.all([held, '/providers/v1/acme/held/1.0.0/download/linux/amd64', `${through}/acme/pulled/versions`].map(ask));
    const file = await pulled('pulled');
    const links = (JSON.parse(known[1]?.text ?? '') as { readonly download_url: string }).download_url;
    const unknown = await Promise.all([new URL(links, new URL('/providers/v1/acme/held/1.0.0/download/linux/amd64', front().origin)).href, '/providers/v1/acme/never/versions', `${through}/secret/never/versions`, '/providers/v1/acme/held/9.9.9/download/linux/amd64'].map(ask));
    await storage.back();
    await eventually('it can be published again', async () => [200, 201].includes((await publish('5.0.0')).status), 10_000);
    const back = await ask(held);
    await readiness({});

    expect(first.status, first.text).toBe(503);
    expect(first.text).toContain('check the storage URL and that the registry is up');
    expect(first.ms).toBeLessThan(FIRST_MS);
    expect(known.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(known[0]?.headers.get('warning')).toMatch(/^110 .*storage cannot be asked/);
    expect(file.status).toBe(200);
    expect(unknown.map(({ status }) => status)).toEqual([503, 503, 503, 503]);
    expect(Math.max(...[...known, ...unknown].map(({ ms }) => ms))).toBeLessThan(AFTER_MS);
    expect(upstream.requests.slice(asked).filter((path) => /secret|never|held/.test(path))).toEqual([]);
    expect([back.status, back.headers.get('warning')]).toEqual([200, null]);
    expect(back.text).toContain('5.0.0');
  }, 90_000);
});
