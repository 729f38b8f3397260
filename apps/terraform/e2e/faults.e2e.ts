import { createHash } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import {
  bigArchive,
  checkModuleLayout,
  checkProviderLayout,
  type ConformanceReport,
  eventually,
  httpOciSource,
  moduleArchive,
  type ProviderRelease,
  providerRelease,
  type RunningServer,
  signingKey,
  startDockerRegistry,
  startRedis,
  startTerraformUpstream,
  temporaryDirectory,
  type TerraformUpstream,
  type TestKey,
} from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { PLATFORMS } from './own-platform.ts';
import { type TerraformAddresses, type TerraformCluster, startTerraformCluster } from './terraform-cluster.ts';
import { UPSTREAM_HOST, upstreamConfigFile } from './terraform-config-file.ts';

const SIZE = 200 * 2 ** 20;
const HEAVY = bigArchive({ type: 'heavy', version: '1.0.0', platform: 'linux_amd64', bytes: SIZE });

describe('two front ends and two workers', () => {
  let directory: string;
  let upstream: TerraformUpstream;
  let cluster: TerraformCluster;
  let key: TestKey;
  /** Servers that were started again. */
  const again: RunningServer[] = [];

  beforeAll(async () => {
    directory = await temporaryDirectory('terraform-faults');
    upstream = await startTerraformUpstream();
    key = await signingKey();
    for (const type of ['pulled', 'late', 'pair']) {
      upstream.put({ namespace: 'acme', type, releases: [await release(type, '1.0.0')] });
    }
    upstream.put({ namespace: 'acme', type: 'heavy', releases: [await providerRelease({ type: 'heavy', version: '1.0.0', key, archives: [HEAVY] })] });
    cluster = await startTerraformCluster({ CONFIG_FILE: await upstreamConfigFile(directory, upstream) });
    expect((await front(0).addKey('acme', key.publicKey)).status).toBe(201);
  });
  afterAll(async () => {
    await Promise.all(again.map((server) => server.stop()));
    await cluster?.stop();
    await upstream?.close();
    await rm(directory, { recursive: true, force: true });
  });

  async function release(type: string, version: string, program?: string): Promise<ProviderRelease> {
    return providerRelease({ type, version, platforms: PLATFORMS, key, ...(program !== undefined && { program: () => Buffer.from(program) }) });
  }

  function front(index: number): TerraformAddresses & { readonly origin: string } {
    const found = cluster.frontEnds[index];
    if (found === undefined) {
      throw new Error('no such front end');
    }
    return found;
  }

  /** @param base of the provider registry: a front end's own, or upstream's through it. */
  async function archiveOf(base: string, type: string, platform = 'linux/amd64'): Promise<{ readonly status: number; readonly sha256: string }> {
    const url = `${base}/acme/${type}/1.0.0/download/${platform}`;
    const answer = await fetch(url);
    if (!answer.ok) {
      return { status: answer.status, sha256: '' };
    }
    const file = await fetch(new URL(((await answer.json()) as { download_url: string }).download_url, url));
    const hash = createHash('sha256');
    for await (const chunk of file.body ?? []) {
      hash.update(chunk as Uint8Array);
    }
    return { status: file.status, sha256: hash.digest('hex') };
  }

  function through(index: number): string {
    return `${front(index).origin}/upstream/${UPSTREAM_HOST}/providers/v1`;
  }

  async function layout(host: string, type: string): Promise<ConformanceReport> {
    return checkProviderLayout(httpOciSource({ url: cluster.registry.url, repository: `packages/terraform/providers/${host}/acme/${type}` }));
  }

  async function storedPlatforms(type: string): Promise<readonly string[]> {
    const { versions } = await layout(UPSTREAM_HOST, type);
    return [...(versions['1.0.0'] ?? [])].sort();
  }

  it('lets exactly one of 12 uploads of the same version with other bytes win, on both front ends', async () => {
    const releases = await Promise.all(Array.from({ length: 12 }, async (_, index) => release('contested', '1.0.0', `#!/bin/sh\necho ${index}\n`)));

    const answers = await Promise.all(releases.map(async ({ files }, index) => front(index % 2).publishProvider('acme/contested/1.0.0', files)));
    const shown = await Promise.all([0, 1].map(async (index) => archiveOf(front(index).providers, 'contested')));

    expect(answers.map(({ status }) => status).sort(), answers.map(({ text }) => text).join('\n')).toEqual([201, ...Array.from({ length: 11 }, () => 409)]);
    const winner = releases[answers.findIndex(({ status }) => status === 201)];
    expect(shown.map(({ sha256 }) => sha256)).toEqual([winner?.archives[0]?.sha256, winner?.archives[0]?.sha256]);
    expect(await layout('localhost', 'contested')).toEqual({ versions: { '1.0.0': [...PLATFORMS].sort() }, violations: [] });
  });

  it('takes the same upload at the same time from many as one', async () => {
    const same = await release('same', '1.0.0');

    const answers = await Promise.all(Array.from({ length: 8 }, async (_, index) => front(index % 2).publishProvider('acme/same/1.0.0', same.files)));

    expect(answers.filter(({ status }) => status !== 201 && status !== 200).map(({ text }) => text)).toEqual([]);
    expect(answers.some(({ status }) => status === 201)).toBe(true);
  });

  it('goes on at one front end with an upload that was begun at the other', async () => {
    const staged = await release('staged', '1.0.0');
    const base = 'providers/acme/staged/1.0.0/uploads';
    const id = String((await front(0).call('POST', base)).json['id']);

    for (const [index, file] of staged.files.entries()) {
      const put = await front(index % 2).call('PUT', `${base}/${id}/${file.filename}`, { body: Buffer.concat([...file.pieces()]), contentType: 'application/octet-stream' });
      expect(put.status, put.text).toBe(200);
    }
    const committed = await front(1).call('POST', `${base}/${id}/commit`);

    expect(committed.status, committed.text).toBe(201);
    expect((await archiveOf(front(0).providers, 'staged')).sha256).toBe(staged.archives[0]?.sha256);
  });

  it('has both platforms in the index that OpenTofu reads when two are stored at the same time', async () => {
    const archives = await Promise.all(['linux/amd64', 'darwin/arm64', 'linux/arm64'].map(async (platform, index) => archiveOf(through(index % 2), 'pair', platform)));

    await eventually('all are in the index', async () => (await storedPlatforms('pair')).length === 3, 60_000);

    expect(archives.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(await layout(UPSTREAM_HOST, 'pair')).toEqual({ versions: { '1.0.0': expect.arrayContaining([...PLATFORMS]) as unknown }, violations: [] });
    expect(upstream.requests.filter((path) => path.includes('/pair/') && path.endsWith('.zip'))).toHaveLength(3);
  });

  it('shows nothing half of what a worker was storing when it was killed', async () => {
    const [first, second] = cluster.workers;
    second?.signal('SIGSTOP');

    const cold = await archiveOf(through(0), 'heavy');
    await eventually('the worker writes', async () => (await uploading('heavy')) > 0, 30_000);
    await first?.stop('SIGKILL');
    const half = await storedPlatforms('heavy');
    second?.signal('SIGCONT');
    const meanwhile = await archiveOf(through(1), 'heavy');

    expect(half, 'the worker was done before it was killed').toEqual([]);
    expect([cold.sha256, meanwhile.sha256]).toEqual([HEAVY.sha256, HEAVY.sha256]);
  });

  it('reads nothing as missing and acknowledges nothing while storage is away, and goes on when it is back', async () => {
    const held = await release('held', '1.0.0');
    expect((await front(0).publishProvider('acme/held/1.0.0', held.files)).status).toBe(201);
    await archiveOf(through(0), 'pulled');
    await eventually('it is stored', async () => (await storedPlatforms('pulled')).includes('linux_amd64'), 60_000);
    await cluster.registry.stop();

    const away = await daily('2.0.0');
    again.push(await startDockerRegistry({ port: cluster.registry.port, directory: cluster.registry.directory }));
    // For a moment lists still come from memory.
    const lists = async (): Promise<readonly Response[]> => Promise.all([0, 1].map(async (index) => fetch(`${front(index).providers}/acme/held/versions`)));
    await eventually('storage is read', async () => (await lists()).every(({ status, headers }) => status === 200 && !headers.has('warning')), 20_000);
    const back = await daily('2.0.0');

    expect(away, 'the list is known at that front end').toEqual({ versions: 200, package: 503, module: 503, upload: 503, moduleUpload: 503, key: 503, yank: 503 });
    expect(back).toEqual({ versions: 200, package: 200, module: 404, upload: 201, moduleUpload: 201, key: 200, yank: 200 });
    const left = (await Promise.all(['front-end-a', 'front-end-b'].map(async (name) => readdir(join(cluster.directory, name, 'uploads'), { recursive: true, withFileTypes: true })))).flat();
    expect(left.filter((entry) => entry.isFile()).map(({ name }) => name)).toEqual([]);
  });

  it('has stored what the killed worker was storing about a minute later, through that outage, with bytes that were fetched once', async () => {
    await eventually('it is stored', async () => (await storedPlatforms('heavy')).length === 1, 120_000);
    expect(await layout(UPSTREAM_HOST, 'heavy')).toEqual({ versions: { '1.0.0': ['linux_amd64'] }, violations: [] });
    expect(upstream.requests.filter((path) => path.endsWith('.zip') && path.includes('/heavy/'))).toHaveLength(1);
  });

  it('reads, takes uploads and pulls through without Redis, and stores what was pulled when it is asked for later', async () => {
    await cluster.redis.stop();

    const away = await daily('3.0.0');
    const late = await Promise.all([0, 1].map(async (index) => archiveOf(through(index), 'late')));
    again.push(await startRedis({ port: cluster.redis.port }));
    await eventually('it is stored', async () => {
      await archiveOf(through(0), 'late');
      return (await storedPlatforms('late')).includes('linux_amd64');
    }, 120_000);

    expect(away).toEqual({ versions: 200, package: 200, module: 200, upload: 201, moduleUpload: 201, key: 200, yank: 200 });
    expect(late.map(({ status }) => status)).toEqual([200, 200]);
  });

  it('leaves everything in the registry as OpenTofu wants it', async () => {
    const catalogue = (await (await fetch(`${cluster.registry.url}/v2/_catalog?n=1000`)).json()) as { repositories: readonly string[] };
    const of = (kind: string): readonly string[] => catalogue.repositories.filter((name) => name.startsWith(`packages/terraform/${kind}/`));

    const reports = await Promise.all([
      ...of('providers').map(async (repository) => checkProviderLayout(httpOciSource({ url: cluster.registry.url, repository }))),
      ...of('modules').map(async (repository) => checkModuleLayout(httpOciSource({ url: cluster.registry.url, repository }))),
    ]);

    expect(reports.length).toBeGreaterThan(6);
    expect(reports.flatMap(({ violations }) => violations)).toEqual([]);
  });

  /** What clients and operators do, on both front ends: the statuses. */
  async function daily(version: string): Promise<Readonly<Record<string, number>>> {
    const [a, b] = [front(0), front(1)];
    const next = await release('held', version);
    const calls = {
      versions: fetch(`${a.providers}/acme/held/versions`),
      package: fetch(`${b.providers}/acme/held/1.0.0/download/linux/amd64`),
      module: fetch(`${b.origin}/modules/v1/acme/network/aws/versions`),
      upload: a.publishProvider(`acme/held/${version}`, next.files),
      moduleUpload: b.publishModule(`acme/network/aws/${version}`, moduleArchive({ files: { 'main.tf': '' } }).bytes),
      key: b.addKey('acme', key.publicKey),
      yank: a.call('PUT', 'providers/acme/held/1.0.0/yank', { body: '{"reason":"old"}', contentType: 'application/json' }),
    };
    return Object.fromEntries(await Promise.all(Object.entries(calls).map(async ([what, call]) => [what, (await call).status] as const)));
  }

  /** Uploads that the registry has begun and not ended. */
  async function uploading(type: string): Promise<number> {
    const path = join(cluster.registry.directory, `data/docker/registry/v2/repositories/packages/terraform/providers/${UPSTREAM_HOST}/acme/${type}/_uploads`);
    return (await readdir(path).catch(() => [])).length;
  }
});
