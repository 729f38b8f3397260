import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import { temporaryDirectory } from '@oci-package-proxy/testing';
import { type Download, peerSource, SharedDownloads, signPeerRequest } from '@oci-package-proxy/upstream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { HealthChecks } from '../health/health-checks.ts';
import { Metrics } from '../metrics/metrics.ts';
import { type InternalServer, startInternalServer } from './internal-server.ts';
import { collectingLogger } from './probe-app.contract.ts';

const SECRET = 'a-secret-of-more-than-thirty-two-characters';
const BYTES = Buffer.alloc(300_000, 'abcdefg');
const KEY = 'alpha/lib/lib-1.0.0.tgz/sha512-x';

describe('startInternalServer', () => {
  let directory: string;
  let downloads: SharedDownloads;
  let health: HealthChecks;
  let server: InternalServer;
  const growing = new Readable({ read: () => undefined });

  const config = { internal: { host: '127.0.0.1', port: 0, url: null }, secretKey: SECRET };
  const parts = { metrics: new Metrics({ process: false }), logger: collectingLogger([]) };
  const fetchFile = async (key: string, stream: Readable, size: number | null): Promise<Download> =>
    downloads.open({
      key,
      subject: key,
      expected: { sha256: createHash('sha256').update(BYTES).digest('hex') },
      sources: [{ name: 'spec', open: async () => Promise.resolve({ offset: 0, size, validator: null, stream }) }],
    });
  const ask = async (key: string, headers: Record<string, string> = {}): Promise<Response> => {
    const path = `/internal/spool?key=${encodeURIComponent(key)}`;
    return fetch(server.url + path, { headers: { ...signPeerRequest({ method: 'GET', path }, SECRET), ...headers } });
  };

  beforeAll(async () => {
    directory = await temporaryDirectory('internal');
    downloads = new SharedDownloads({ directory, maxBytes: 2 ** 30 });
    health = new HealthChecks({ checks: [] });
    server = await startInternalServer({ config, health, spool: downloads, ...parts });
    await (await fetchFile(KEY, Readable.from([BYTES]), BYTES.length)).finished;
    await fetchFile('growing', growing, null);
  });
  afterAll(async () => {
    await server.close();
    await downloads.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('serves metrics and health', async () => {
    parts.metrics.ingestJobsPending.set({ ecosystem: 'alpha' }, 3);

    const metrics = await fetch(`${server.url}/metrics`);
    const [live, ready] = [await fetch(`${server.url}/livez`), await fetch(`${server.url}/readyz`)];

    expect(metrics.headers.get('content-type')).toMatch(/^text\/plain; version=/);
    expect(await metrics.text()).toContain('ingest_jobs_pending{ecosystem="alpha"} 3');
    expect([live.status, ready.status]).toEqual([200, 200]);
    expect(server.port).toBe(Number(new URL(server.url).port));
  });

  it.each([
    [undefined, 200, 0, null],
    ['bytes=1000-', 206, 1000, `bytes 1000-299999/300000`],
    ['bytes=300000-', 200, 0, null],
    ['bytes=1-5', 200, 0, null],
  ])('serves a spooled file for Range %s', async (range, status, start, contentRange) => {
    const answer = await ask(KEY, range === undefined ? {} : { range });

    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-range')).toBe(contentRange);
    expect(answer.headers.get('content-length')).toBe(String(BYTES.length - start));
    expect(Buffer.from(await answer.arrayBuffer()).equals(BYTES.subarray(start))).toBe(true);
  });

  it('is what a replica reads with its peer source', async () => {
    const source = peerSource({ fetchUrl: server.url, key: KEY, secret: SECRET, holder: 'other' });

    const body = await source.open({ offset: 299_990, validator: null }, AbortSignal.timeout(5_000));
    const missing = await peerSource({ fetchUrl: server.url, key: 'missing', secret: SECRET, holder: 'other' }).open({ offset: 0, validator: null }, AbortSignal.timeout(5_000));

    expect(body).toMatchObject({ offset: 299_990, size: 300_000 });
    expect(await buffer(body?.stream ?? Readable.from([]))).toEqual(BYTES.subarray(299_990));
    expect(missing).toBeNull();
  });

  it('serves a file that still grows, whose size nobody knows, from its start', async () => {
    growing.push(BYTES.subarray(0, 200_000));
    const answer = await ask('growing', { range: 'bytes=1000-' });
    growing.push(BYTES.subarray(200_000));
    growing.push(null);

    expect([answer.status, answer.headers.get('content-length')]).toEqual([200, null]);
    expect(Buffer.from(await answer.arrayBuffer()).equals(BYTES)).toBe(true);
  });

  it.each([
    ['not signed', {}],
    ['signed with another secret', signPeerRequest({ method: 'GET', path: `/internal/spool?key=${encodeURIComponent(KEY)}` }, `${SECRET}x`)],
    ['signed for another file', signPeerRequest({ method: 'GET', path: '/internal/spool?key=other' }, SECRET)],
    ['signed long ago', signPeerRequest({ method: 'GET', path: `/internal/spool?key=${encodeURIComponent(KEY)}` }, SECRET, Date.now() - 120_000)],
  ])('refuses what is %s', async (_what, headers) => {
    const answer = await fetch(`${server.url}/internal/spool?key=${encodeURIComponent(KEY)}`, { headers });

    expect(answer.status).toBe(403);
  });

  it('has no file while there is no spool, and nothing else', async () => {
    const without = await startInternalServer({ config, health, spool: null, ...parts });
    const path = '/internal/spool?key=x';

    const answers = await Promise.all([fetch(without.url + path, { headers: signPeerRequest({ method: 'GET', path }, SECRET) }), fetch(`${without.url}/other`)]);
    await without.close();

    expect(answers.map(({ status }) => status)).toEqual([404, 404]);
  });

  it('can be switched off, and says which port is taken', async () => {
    const off = await startInternalServer({ config: { ...config, internal: { ...config.internal, port: null } }, health, spool: null, ...parts });
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };

    await expect(startInternalServer({ config: { ...config, internal: { ...config.internal, port } }, health, spool: null, ...parts })).rejects.toMatchObject({
      code: 'config',
      message: expect.stringContaining(`METRICS_PORT: listening on 127.0.0.1:${port} failed (EADDRINUSE)`),
    });
    expect([off.url, off.port]).toEqual(['', null]);
    await off.close();
    other.close();
  });

  it('says 503 while the process ends', async () => {
    health.drain();

    expect((await fetch(`${server.url}/readyz`)).status).toBe(503);
    expect((await fetch(`${server.url}/livez`)).status).toBe(200);
  });
});
