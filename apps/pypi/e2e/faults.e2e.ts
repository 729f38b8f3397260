import { createHash } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { type BigFile, bigWheel, eventually, type PackageFile, pypiUploadBody, type PypiUpstream, type RunningServer, startDockerRegistry, startPypiUpstream, startRedis, temporaryDirectory, wheelFile } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type PypiCluster, startPypiCluster } from './pypi-cluster.ts';
import { ADMIN_TOKEN } from './pypi-standalone.ts';

const SIZE = 200 * 2 ** 20;
const AUTHORIZATION = { authorization: `Bearer ${ADMIN_TOKEN}` };
const held = wheelFile({ name: 'held', version: '1.0' });
const pulled = wheelFile({ name: 'pulled', version: '1.0' });
const late = wheelFile({ name: 'late', version: '1.0' });
const wrong = wheelFile({ name: 'wrong', version: '1.0', padding: 200_000 });

describe('two front ends and a worker whose surroundings fail', () => {
  let directory: string;
  let heavy: BigFile;
  let upstream: PypiUpstream;
  let cluster: PypiCluster;
  /** Servers that were started again. */
  const again: RunningServer[] = [];
  let killedAt = 0;

  beforeAll(async () => {
    directory = await temporaryDirectory('pypi-faults');
    heavy = await bigWheel({ directory, bytes: SIZE, name: 'heavy' });
    const files = [heavy, pulled, late].map((file) => ({ name: file.filename.split('-')[0] ?? '', files: [{ file }] }));
    upstream = await startPypiUpstream([...files, { name: 'wrong', files: [{ file: wrong, hashes: { sha256: '0'.repeat(64) } }] }], { links: 'relative' });
    cluster = await startPypiCluster({ PYPI_UPSTREAM_URL: upstream.url });
  });
  afterAll(async () => {
    await Promise.all(again.map((server) => server.stop()));
    await cluster.stop();
    await upstream.close();
    await rm(directory, { recursive: true, force: true });
  });

  function front(index: number): { readonly origin: string; readonly upload: string } {
    const { origin = '', upload = '' } = cluster.frontEnds[index] ?? {};
    return { origin, upload };
  }

  async function stored({ filename }: { readonly filename: string }): Promise<number> {
    const address = `${cluster.registry.url}/v2/packages/pypi/${filename.split('-')[0]}/manifests/${filename}`;
    return (await fetch(address, { headers: { accept: 'application/vnd.oci.image.manifest.v1+json' } })).status;
  }

  /** What clients and operators do, on both front ends: the statuses. */
  async function daily(): Promise<Readonly<Record<string, number>>> {
    const [a, b] = [front(0), front(1)];
    const yank = { method: 'PUT', headers: { ...AUTHORIZATION, 'content-type': 'application/json' }, body: '{"reason":"bad"}' };
    const calls = {
      page: fetch(`${a.origin}/simple/held/`),
      file: fetch(`${b.origin}/files/held/${held.filename}`),
      metadata: fetch(`${a.origin}/files/held/${held.filename}.metadata`),
      pulled: fetch(`${b.origin}/files/pulled/${pulled.filename}`),
      unheld: fetch(`${a.origin}/simple/late/`),
      upload: upload(a.upload, wheelFile({ name: 'held', version: '2.0' })),
      first: upload(b.upload, wheelFile({ name: 'brand-new', version: '1.0' })),
      yank: fetch(`${a.origin}/api/v1/pypi/projects/held/versions/1.0/yank`, yank),
    };
    return Object.fromEntries(await Promise.all(Object.entries(calls).map(async ([what, call]) => [what, (await call).status] as const)));
  }

  it('shows nothing half of what a worker was storing when it was killed', async () => {
    const [first, second] = cluster.workers;
    const url = `/files/heavy/${heavy.filename}`;
    second?.signal('SIGSTOP');

    const cold = await sha256At(`${front(0).origin}${url}`);
    await eventually('the worker writes', async () => (await uploading()) > 0, 20_000);
    await first?.stop('SIGKILL');
    killedAt = Date.now();
    second?.signal('SIGCONT');
    const half = await stored(heavy);
    const meanwhile = await sha256At(`${front(1).origin}${url}`);

    expect(half, 'the worker was done before it was killed').toBe(404);
    expect([cold, meanwhile]).toEqual([heavy.sha256, heavy.sha256]);
  });

  it('reads nothing as missing and acknowledges nothing while storage is away, and goes on when it is back', async () => {
    const uploaded = await upload(front(0).upload, held);
    await fetch(`${front(0).origin}/files/pulled/${pulled.filename}`);
    await eventually('the file is stored', async () => (await stored(pulled)) === 200, 30_000);
    await cluster.registry.stop();

    const away = await daily();
    await restartRegistry({ readOnly: true });
    const readOnly = await eventuallyRead();
    await again.at(-1)?.stop();
    await restartRegistry({});
    const back = await eventuallyRead();
    const left = (await readdir(join(cluster.directory, 'front-end-a/uploads'), { recursive: true })).filter((name) => name.includes('upload-'));

    expect(uploaded.status).toBe(200);
    expect(away, 'the page is known at that front end').toEqual({ page: 200, file: 503, metadata: 503, pulled: 503, unheld: 503, upload: 503, first: 503, yank: 503 });
    expect(readOnly).toEqual({ page: 200, file: 200, metadata: 200, pulled: 200, unheld: 200, upload: 503, first: 503, yank: 503 });
    expect(back).toEqual({ page: 200, file: 200, metadata: 200, pulled: 200, unheld: 200, upload: 200, first: 200, yank: 200 });
    expect(left).toEqual([]);
  });

  it('has stored what the killed worker was storing about a minute later, through that outage, with bytes that it fetched once', async () => {
    await eventually('the file is stored', async () => (await stored(heavy)) === 200, 90_000);

    expect(Date.now() - killedAt).toBeLessThan(80_000);
    expect(upstream.requests.filter((path) => path.endsWith(heavy.filename))).toHaveLength(1);
  });

  it('reads, takes uploads and pulls through without Redis, and stores what was pulled when it is asked for later', async () => {
    await cluster.redis.stop();

    const away = await daily();
    const [first, second] = await Promise.all([0, 1].map(async (index) => sha256At(`${front(index).origin}/files/late/${late.filename}`)));
    again.push(await startRedis({ port: cluster.redis.port }));
    await eventually('the file is stored', async () => {
      const again = await sha256At(`${front(0).origin}/files/late/${late.filename}`);
      return again === late.sha256 && (await stored(late)) === 200;
    }, 30_000);

    expect(away).toEqual({ page: 200, file: 200, metadata: 200, pulled: 200, unheld: 200, upload: 200, first: 200, yank: 200 });
    expect([first, second]).toEqual([late.sha256, late.sha256]);
  });

  it('cuts off a file whose bytes are wrong, keeps none of it and counts it for who is to be alarmed', async () => {
    const [a] = cluster.frontEnds;

    const broken = await sha256At(`${front(0).origin}/files/wrong/${wrong.filename}`).then(() => 'whole', () => 'cut off');
    const metrics = await (await fetch(`${a?.metrics}/metrics`)).text();

    expect(broken).toBe('cut off');
    expect(await stored(wrong)).toBe(404);
    expect(metrics).toMatch(/^\S*integrity_failures_total\{ecosystem="pypi",source="upstream"\} 1$/m);
  });

  /** Uploads that the registry has begun and not ended. */
  async function uploading(): Promise<number> {
    const path = join(cluster.registry.directory, 'data/docker/registry/v2/repositories/packages/pypi/heavy/_uploads');
    return (await readdir(path).catch(() => [])).length;
  }

  async function restartRegistry(how: { readonly readOnly?: boolean }): Promise<void> {
    again.push(await startDockerRegistry({ port: cluster.registry.port, directory: cluster.registry.directory, ...how }));
  }

  /** For a moment pages still come from memory. */
  async function eventuallyRead(): Promise<Readonly<Record<string, number>>> {
    const pages = async (): Promise<readonly Response[]> => Promise.all([0, 1].map(async (index) => fetch(`${front(index).origin}/simple/held/`)));
    await eventually('storage is read', async () => (await pages()).every(({ status, headers }) => status === 200 && !headers.has('warning')), 10_000);
    return daily();
  }
});

async function upload(url: string, file: PackageFile): Promise<Response> {
  const { contentType, body } = pypiUploadBody({ file });
  return fetch(url, { method: 'POST', headers: { ...AUTHORIZATION, 'content-type': contentType }, body: new Uint8Array(body) });
}

async function sha256At(url: string): Promise<string> {
  const answer = await fetch(url);
  const hash = createHash('sha256');
  for await (const chunk of answer.body ?? []) {
    hash.update(chunk as Uint8Array);
  }
  return hash.digest('hex');
}
