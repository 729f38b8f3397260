import { createHash } from 'node:crypto';

import type { IngestJob } from '@oci-package-proxy/ingest';
import { type ScriptedServer, startScriptedServer } from '@oci-package-proxy/testing';
import { DocumentCache, type SpooledFile, UpstreamClient } from '@oci-package-proxy/upstream';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { type NpmIngestDependencies, npmIngestCodec } from './npm-ingest-codec.ts';

const SHA512 = createHash('sha512').update('tarball').digest('hex');
const INTEGRITY = `sha512-${Buffer.from(SHA512, 'hex').toString('base64')}`;
const FILE: SpooledFile = { path: '/nowhere/file', size: 7, sha256: 'a'.repeat(64), sha512: SHA512, sha1: 'b'.repeat(40), md5: 'c'.repeat(32) };

let server: ScriptedServer;
let client: UpstreamClient;
let packument: Record<string, unknown> | null;
let upstream: NonNullable<NpmIngestDependencies['upstream']>;

beforeEach(async () => {
  packument = {
    name: '@s/n',
    'dist-tags': { latest: '1.0.0+build' },
    versions: {
      '1.0.0+build': { version: '1.0.0+build', name: '@s/n', deprecated: 'old', maintainers: [{ name: 'x' }], os: ['linux'], dist: { tarball: '', integrity: INTEGRITY, signatures: [{ keyid: 'k', sig: 's' }] } },
    },
    time: { modified: '2021-01-01T00:00:00.000Z', '1.0.0+build': '2020-01-01T00:00:00.000Z' },
  };
  server = await startScriptedServer((_request, response) => {
    response.writeHead(packument === null ? 404 : 200, { 'content-type': 'application/json' }).end(JSON.stringify(packument));
  });
  setTarball('n-1.0.0+build.tgz');
  client = new UpstreamClient({ instanceId: 'spec', allowedOrigins: [server.url], retry: { attempts: 1 } });
  upstream = { url: server.url, http: client, documents: new DocumentCache({ upstream: client }) };
});
afterEach(async () => {
  await client.close();
  await server.stop();
});

function setTarball(file: string): void {
  const versions = packument?.['versions'] as Record<string, { dist: Record<string, unknown> }>;
  Object.assign(versions['1.0.0+build']?.dist ?? {}, { tarball: `${server.url}/@s/n/-/${file}` });
}

function job(changes: Partial<IngestJob> = {}): IngestJob {
  return { version: 1, ecosystem: 'npm', package: '@s/n', file: 'n-1.0.0+build.tgz', digest: `sha512:${SHA512}`, holder: null, at: 0, ...changes };
}

async function plan(given: IngestJob, privateNames: readonly string[] = []): ReturnType<ReturnType<typeof npmIngestCodec>['plan']> {
  return npmIngestCodec({ upstream, privateNames }).plan(given, new AbortController().signal);
}

it('plans a fact of what never changes, and keeps what does as the last state of upstream', async () => {
  const planned = await plan(job());
  const fact = await planned?.build(FILE);

  expect(planned).toMatchObject({
    ref: { ecosystem: 'npm', name: '@s/n', repository: 'npm/s/n' },
    tag: '1.0.0_build',
    key: `npm/@s/n/n-1.0.0+build.tgz/sha512:${SHA512}`,
    expected: { sha512: SHA512 },
    upstreamState: { distTags: { latest: '1.0.0+build' }, deprecated: { '1.0.0+build': 'old' }, modified: '2021-01-01T00:00:00.000Z' },
  });
  expect(fact).toMatchObject({ version: '1.0.0+build', payload: INTEGRITY, at: '2020-01-01T00:00:00.000Z', artifactType: 'application/vnd.oci-package-proxy.npm.version.v1' });
  expect(JSON.parse(fact?.document ?? '')).toEqual({ name: '@s/n', version: '1.0.0+build', os: ['linux'], dist: { integrity: INTEGRITY, signatures: [{ keyid: 'k', sig: 's' }] } });
  expect(fact?.annotations).toBeUndefined();
});

it('keeps an odd file name, and the bytes of the fact whatever order upstream writes in', async () => {
  setTarball('strange.tgz');
  const one = await (await plan(job({ file: 'strange.tgz' })))?.build(FILE);
  const versions = packument?.['versions'] as Record<string, object>;
  versions['1.0.0+build'] = Object.fromEntries(Object.entries(versions['1.0.0+build'] ?? {}).reverse());
  upstream = { ...upstream, documents: new DocumentCache({ upstream: client }) };

  const other = await (await plan(job({ file: 'strange.tgz' })))?.build(FILE);

  expect(one?.annotations).toEqual({ 'io.oci-package-proxy.npm.filename': 'strange.tgz' });
  expect(other?.document).toBe(one?.document);
});

it('fails for good when upstream shows other bytes, has no such package, or must not be asked', async () => {
  await expect(plan(job({ digest: `sha512:${'0'.repeat(128)}` }))).rejects.toMatchObject({ code: 'integrity' });
  await expect(plan(job(), ['@s'])).rejects.toMatchObject({ code: 'policy' });
  await expect(plan(job({ package: '../x' }))).rejects.toMatchObject({ code: 'invalid' });
  expect(await plan(job({ file: 'n-9.9.9.tgz' }))).toBeNull();
  await expect(npmIngestCodec({ upstream: null, privateNames: [] }).plan(job(), new AbortController().signal)).rejects.toMatchObject({ code: 'not-found' });

  packument = null;
  upstream = { ...upstream, documents: new DocumentCache({ upstream: client }) };
  await expect(plan(job())).rejects.toMatchObject({ code: 'not-found' });
});

it('is tried again when upstream fails', async () => {
  await server.stop();

  await expect(plan(job())).rejects.toMatchObject({ code: 'upstream-unavailable' });
});
