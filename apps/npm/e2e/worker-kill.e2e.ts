import { createHash } from 'node:crypto';

import { eventually, type NpmUpstream, startNpmUpstream } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Cluster, startCluster } from './cluster.ts';

const SIZE = 200 * 1024 * 1024;

describe('kill -9 of a worker in the middle of an ingest of 200 MB', () => {
  let cluster: Cluster;
  let upstream: NpmUpstream;

  beforeAll(async () => {
    upstream = await startNpmUpstream([{ name: 'heavy', version: '1.0.0', bytes: SIZE }]);
    cluster = await startCluster({ NPM_UPSTREAM_URL: upstream.url });
  });
  afterAll(async () => {
    await cluster.stop();
    await upstream.close();
  });

  it('shows nothing half, and another worker stores it', async () => {
    const [front] = cluster.frontEnds;
    const manifest = `${cluster.registry.url}/v2/packages/npm/heavy/manifests/1.0.0`;
    const accept = { headers: { accept: 'application/vnd.oci.image.manifest.v1+json' } };

    const cold = await sha512Of(`${front?.registry}heavy/-/heavy-1.0.0.tgz`);
    await new Promise((resolve) => setTimeout(resolve, 250));
    for (const worker of cluster.workers) {
      worker.signal('SIGKILL');
    }
    await Promise.all(cluster.workers.map((worker) => worker.ended));
    const half = await fetch(manifest, accept);
    const meanwhile = await sha512Of(`${front?.registry}heavy/-/heavy-1.0.0.tgz`);
    cluster.workers = [await cluster.startWorker('c')];
    await eventually('the version is stored', async () => (await fetch(manifest, accept)).ok, 180_000);
    await cluster.stopApps();
    await cluster.startApps({ NPM_UPSTREAM_URL: 'off' });
    const held = await sha512Of(`${cluster.frontEnds[1]?.registry}heavy/-/heavy-1.0.0.tgz`);

    expect(half.status, 'the worker was done before it was killed').toBe(404);
    expect([cold, meanwhile, held]).toEqual([upstream.integrityOf('heavy', '1.0.0'), upstream.integrityOf('heavy', '1.0.0'), upstream.integrityOf('heavy', '1.0.0')]);
    expect(upstream.requests.filter((path) => path.endsWith('.tgz')), 'upstream was asked for the file once').toHaveLength(1);
  });
});

async function sha512Of(url: string): Promise<string> {
  const answer = await fetch(url);
  const hash = createHash('sha512');
  for await (const chunk of answer.body ?? []) {
    hash.update(chunk as Uint8Array);
  }
  return `sha512-${hash.digest('base64')}`;
}
