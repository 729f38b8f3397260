import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { eventually, npmPublishBody, runCommand } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ADMIN_TOKEN, type Cluster, clusterClient, startCluster } from './cluster.ts';

async function publish(registry: string, body: { readonly name: string }): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${registry}${body.name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${ADMIN_TOKEN}` },
    body: JSON.stringify(body),
  });
  return { status: answer.status, text: await answer.text() };
}

async function versionsOf(registry: string, name: string): Promise<string[]> {
  const document = (await (await fetch(`${registry}${name}`)).json()) as { versions: Record<string, unknown> };
  return Object.keys(document.versions);
}

describe('two replicas and two workers on Redis and docker-registry', () => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster.stop());

  it('installs through one replica at once what was published through the other', async () => {
    const publisher = await clusterClient(cluster, 'publisher', 0);
    const reader = await clusterClient(cluster, 'reader', 1, null);
    const [, second] = cluster.frontEnds;
    await fetch(`${second?.registry}@acme%2fnew`); // so that a "not found" could have been remembered

    const published = await publisher.run(['publish'], { cwd: await publisher.makePackage({ name: '@acme/new', version: '1.0.0' }) });
    const installed = await reader.run(['install', '@acme/new'], { cwd: await reader.makePackage({ name: 'p', version: '1.0.0' }) });
    const next = await publisher.run(['publish'], { cwd: await publisher.makePackage({ name: '@acme/new', version: '1.1.0' }) });
    const view = await reader.run(['view', '@acme/new', 'version', '--prefer-online']);

    expect(published.code, published.output).toBe(0);
    expect(installed.code, installed.output).toBe(0);
    expect(next.code, next.output).toBe(0);
    expect(view.stdout.trim()).toBe('1.1.0');
  });

  it('lists all of 50 versions that were published at the same time through both', async () => {
    const [a, b] = cluster.frontEnds;
    const versions = Array.from({ length: 50 }, (_, index) => `1.0.${index}`);

    const answers = await Promise.all(versions.map((version, index) => publish((index % 2 === 0 ? a : b)?.registry ?? '', npmPublishBody('busy', version))));

    expect(answers.map(({ status }) => status)).toEqual(versions.map(() => 201));
    for (const { registry } of cluster.frontEnds) {
      expect((await versionsOf(registry, 'busy')).sort()).toEqual([...versions].sort());
    }
  });

  it('lets exactly one of 20 publishes of the same version with other bytes win', async () => {
    const [a, b] = cluster.frontEnds;
    const bodies = Array.from({ length: 20 }, () => npmPublishBody('contested', '1.0.0'));

    const answers = await Promise.all(bodies.map((body, index) => publish((index % 2 === 0 ? a : b)?.registry ?? '', body)));

    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses, answers.map(({ text }) => text).join('\n')).toEqual([201, ...Array.from({ length: 19 }, () => 409)]);
    const winner = bodies[answers.findIndex(({ status }) => status === 201)];
    for (const { registry } of cluster.frontEnds) {
      const tarball = await fetch(`${registry}contested/-/contested-1.0.0.tgz`);
      expect(Buffer.from(await tarball.arrayBuffer()).toString('base64')).toBe(winner?._attachments['contested-1.0.0.tgz']?.data);
    }
  });

  it('stores what skopeo reads from the registry', async () => {
    const address = cluster.registry.url.replace('http://', 'docker://');

    const inspected = await runCommand('skopeo', ['inspect', '--raw', '--tls-verify=false', `${address}/packages/npm/contested:1.0.0`], { cwd: cluster.directory });

    expect(inspected.code, inspected.output).toBe(0);
    expect(JSON.parse(inspected.stdout)).toMatchObject({
      artifactType: 'application/vnd.oci-package-proxy.npm.version.v1',
      config: { mediaType: 'application/vnd.oci.empty.v1+json' },
    });
  });

  it('serves with Redis gone, and publishes', async () => {
    const [a] = cluster.frontEnds;
    cluster.redis.signal('SIGSTOP');

    const answer = await publish(a?.registry ?? '', npmPublishBody('without-redis', '1.0.0'));
    const read = await fetch(`${a?.registry}without-redis`);
    cluster.redis.signal('SIGCONT');

    expect(answer.status, answer.text).toBe(201);
    expect(read.status).toBe(200);
  });
});

describe('a real project through two replicas', () => {
  let cluster: Cluster;

  beforeAll(async () => {
    const upstream = await runCommand('npm', ['config', 'get', 'registry'], { cwd: process.cwd(), environment: { HOME: process.env['HOME'] ?? '' } });
    cluster = await startCluster({ NPM_UPSTREAM_URL: upstream.stdout.trim() });
  });
  afterAll(() => cluster.stop());

  it('loses nothing that was stored when Redis is flushed and everything is restarted, with upstream off', async () => {
    const client = await clusterClient(cluster, 'project', 0, null);
    const project = await client.copyFixture('several-hundred', 'project');

    const cold = await client.run(['ci', '--ignore-scripts'], { cwd: project });
    const tree = await readFile(join(project, 'node_modules/.package-lock.json'), 'utf8');
    await eventually('the queue is empty', async () => queueIsEmpty(cluster), 400_000);
    await cluster.stopApps();
    await runCommand('redis-cli', ['-p', String(cluster.redis.port), 'flushall'], { cwd: cluster.directory });
    await cluster.startApps({ NPM_UPSTREAM_URL: 'off' });
    const again = await clusterClient(cluster, 'project-again', 1, null);
    const second = await again.copyFixture('several-hundred', 'project');
    const held = await again.run(['ci', '--ignore-scripts'], { cwd: second });

    expect(cold.code, cold.output).toBe(0);
    expect(held.code, held.output).toBe(0);
    const heldTree = await readFile(join(second, 'node_modules/.package-lock.json'), 'utf8');
    expect(withoutAddresses(heldTree)).toBe(withoutAddresses(tree));
    await rm(project, { recursive: true });
  }, 600_000);
});

/** The two replicas have different ports, which npm writes down. */
function withoutAddresses(lock: string): string {
  return lock.replace(/http:\/\/127\.0\.0\.1:\d+\//g, '/');
}

async function queueIsEmpty(cluster: Cluster): Promise<boolean> {
  const keys = ['wait', 'active', 'delayed', 'prioritized'];
  const counts = await Promise.all(
    keys.map(async (state) => {
      const type = state === 'wait' || state === 'active' ? 'llen' : 'zcard';
      const { stdout } = await runCommand('redis-cli', ['-p', String(cluster.redis.port), type, `bull:ingest-npm:${state}`], { cwd: cluster.directory });
      return Number(stdout.trim());
    }),
  );
  return counts.every((count) => count === 0);
}
