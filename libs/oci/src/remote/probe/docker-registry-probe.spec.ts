import { rm } from 'node:fs/promises';

import { type RunningRegistry, startDockerRegistry, startTokenAuthProxy, temporaryDirectory, testAuthority } from '@oci-package-proxy/testing';
import { afterEach, describe, expect, it } from 'vitest';

import { staticCredentials } from '../auth/credentials.ts';
import { RemoteRegistry, type RemoteRegistryOptions } from '../remote-registry.ts';
import { findingOf, PROBE_TOPICS, type ProbeReport, type ProbeValues } from './probe-report.ts';
import { probeRegistry, type ProbeOptions } from './probe-registry.ts';

/** bcrypt of `s3cret:with colon`. */
const HTPASSWD = 'user:$2b$04$vt//tjhF3OQb9/vFv6oVTef5p6E2UrpAuHfdWfNGrOLcHxUQPhGeC\n';
const RETRY = { attempts: 2, baseMs: 5 };

/** What distribution 2.8 does, whatever it is configured to. */
const DISTRIBUTION: Partial<ProbeValues> = {
  reachable: true, credential: true, product: 'distribution-2', compresses: false, pull: true, push: true, createsRepositories: true, nestedNames: true, missingRepository: 'not-found',
  uploads: true, chunkedUploads: true, minChunkBytes: 0, blobReads: true, blobRanges: true, blobRedirects: false, artifacts: true, indexes: true, largestManifest: 4 * 2 ** 20 - 1,
  contentDigest: true, readsItsWrites: true, keepsConcurrentTags: true, replacesTags: true, replacesDerivedTags: true, tagPages: 'ignored', deletesTags: false, referrers: false,
};

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) {
    await close();
  }
});

async function start(options: Parameters<typeof startDockerRegistry>[0] = {}): Promise<RunningRegistry> {
  const server = await startDockerRegistry(options);
  closing.push(() => server.stop());
  return server;
}

function connect(url: string, options: Partial<RemoteRegistryOptions> = {}): RemoteRegistry {
  const registry = new RemoteRegistry({ url: `${url}/team`, retry: RETRY, ...options });
  closing.push(() => registry.close());
  return registry;
}

function valuesOf(report: ProbeReport): Partial<ProbeValues> {
  return Object.fromEntries(report.findings.map(({ what, value }) => [what, value]));
}

async function probed(url: string, options: Partial<RemoteRegistryOptions> = {}, how: ProbeOptions = {}): Promise<ProbeReport> {
  const report = await probeRegistry(connect(url, options), how);
  expect(report.findings.map(({ what }) => what)).toEqual(PROBE_TOPICS);
  expect(report.findings.filter(({ details }) => details === '')).toEqual([]);
  return report;
}

describe('probing docker-registry', () => {
  it('finds what it does, and leaves nothing behind where it deletes', async () => {
    const server = await start({ deletes: true });

    const report = await probed(server.url);
    const again = await probed(server.url);

    const wanted = { ...DISTRIBUTION, authentication: 'none', strangersPush: true, strangersPull: true, delete: true, deletesDigests: true, deletesChildren: true, deleteSparesTags: null, mounts: true };
    expect(valuesOf(report)).toMatchObject(wanted);
    expect(valuesOf(again)).toMatchObject(wanted);
    expect([...report.leftovers, ...again.leftovers]).toEqual([]);
    for (const repository of ['system/probe', 'system/probe/depth/of/names/six']) {
      expect(await (await fetch(`${server.url}/v2/team/${repository}/tags/list`)).json()).toMatchObject({ tags: null });
    }
  });

  it('says what stays where it does not, and works there again', async () => {
    const server = await start();

    const report = await probed(server.url);
    const again = await probed(server.url);

    expect(valuesOf(report)).toMatchObject({ ...DISTRIBUTION, delete: null, deletesDigests: false, deletesChildren: null });
    expect(valuesOf(again)).toMatchObject(DISTRIBUTION);
    const listed = (await (await fetch(`${server.url}/v2/team/system/probe/tags/list`)).json()) as { tags: string[] };
    const left = [...report.leftovers, ...again.leftovers].filter(({ repository }) => repository === 'team/system/probe').flatMap(({ tags }) => tags);
    expect(new Set(left)).toEqual(new Set(listed.tags));
  });

  it('takes no write for granted where there are none, nor makes one where it may not', async () => {
    const readOnly = await start({ readOnly: true });
    const open = await start();

    const refused = await probed(readOnly.url);
    const careful = await probed(open.url, {}, { readOnly: true });

    expect(valuesOf(refused)).toMatchObject({ reachable: true, credential: true, pull: true, push: false, uploads: null, readsItsWrites: null });
    expect(findingOf(refused, 'push').details).toMatch(/an upload to team\/system\/probe is answered 405/);
    expect(findingOf(refused, 'uploads').details).toBe('nothing could be written');
    expect(valuesOf(careful)).toMatchObject({ reachable: true, credential: true, pull: true, push: null, strangersPush: null });
    expect(await (await fetch(`${open.url}/v2/_catalog`)).json()).toEqual({ repositories: [] });
  });

  it('reads a sample where it may not write', async () => {
    const server = await start();
    await probed(server.url);

    const report = await probed(server.url, {}, { readOnly: true, sample: 'system/probe' });

    expect(valuesOf(report)).toMatchObject({ push: null, tagPages: 'ignored', contentDigest: true, blobReads: true, blobRanges: true, blobRedirects: false, referrers: false });
    expect(report.leftovers).toEqual([]);
  });

  it('says whether a credential is taken, and what is wanted', async () => {
    const server = await start({ htpasswd: HTPASSWD });

    const right = await probed(server.url, { credentials: staticCredentials('user', 's3cret:with colon') });
    const wrong = await probed(server.url, { credentials: staticCredentials('user', 'hunter2') });

    expect(valuesOf(right)).toMatchObject({ ...DISTRIBUTION, authentication: 'basic', strangersPush: false, strangersPull: false });
    expect(valuesOf(wrong)).toMatchObject({ reachable: true, authentication: 'basic', credential: false, push: null });
    expect(JSON.stringify(wrong)).not.toContain('hunter2');
  });

  it('works with tokens', async () => {
    const server = await start({ deletes: true });
    const proxy = await startTokenAuthProxy({ target: server.url, user: { username: 'robot', password: 'hunter2' } });
    closing.push(() => proxy.stop());

    const report = await probed(proxy.url, { credentials: staticCredentials('robot', 'hunter2') });
    const refused = await probed(proxy.url, { credentials: staticCredentials('robot', 'wrong') });

    expect(valuesOf(report)).toMatchObject({ ...DISTRIBUTION, product: 'distribution-2', authentication: 'bearer', delete: true, mounts: true, strangersPush: false });
    expect(report.leftovers).toEqual([]);
    expect(valuesOf(refused)).toMatchObject({ reachable: true, authentication: 'bearer', credential: false, push: null });
  });

  it('says why TLS fails', async () => {
    const directory = await temporaryDirectory('probe-tls');
    closing.push(() => rm(directory, { recursive: true, force: true }));
    const authority = await testAuthority(directory);
    const server = await start({ tls: await authority.certificate() });

    const trusted = await probed(server.url, { ca: authority.ca }, { readOnly: true });
    const unknown = await probed(server.url);

    expect(valuesOf(trusted)).toMatchObject({ reachable: true, credential: true });
    expect(valuesOf(unknown)).toMatchObject({ reachable: false, credential: null });
    expect(findingOf(unknown, 'reachable').details).toMatch(/UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER/);
  });

  it('says that nothing answers, and that what answers is none', async () => {
    const server = await start();
    await server.stop();
    closing.length = 0;

    const report = await probed(server.url);

    expect(findingOf(report, 'reachable')).toMatchObject({ value: false, details: expect.stringMatching(/ECONNREFUSED/) as string });
    expect(findingOf(report, 'push').details).toBe('the registry cannot be reached');
  });
});
