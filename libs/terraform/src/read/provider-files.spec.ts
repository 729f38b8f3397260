import { buffer } from 'node:stream/consumers';

import { noise, type ProviderRelease, providerRelease, signingKey, startScriptedServer, startTerraformUpstream, type TerraformUpstream, type TestKey } from '@oci-package-proxy/testing';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { FileClaim } from '../links/file-claim.ts';
import { providerRef } from '../model/address.ts';
import { blockKey, EVERY_VERSION, pulledTag } from '../model/terraform-fact.ts';
import { DEMO, LINUX, MAC, OURS, type SampleOptions, type SampleProviders, startSampleProviders } from './sample-providers.contract.ts';

const SIGNAL = new AbortController().signal;
const PROGRAM = noise(400_000, 'demo');

let key: TestKey;
let release: ProviderRelease;
let changed: ProviderRelease;
let bytes: Buffer;
let upstream: TerraformUpstream;
let samples: SampleProviders[];

beforeAll(async () => {
  key = await signingKey();
  release = await providerRelease({ type: 'demo', version: '1.0.0', platforms: ['linux_amd64', 'darwin_arm64'], key, program: (platform) => Buffer.concat([Buffer.from(platform), PROGRAM]) });
  changed = await providerRelease({ type: 'demo', version: '1.0.0', platforms: ['linux_amd64', 'darwin_arm64'], key });
  bytes = Buffer.concat([...(release.archives[0]?.pieces() ?? [])]);
});

beforeEach(async () => {
  samples = [];
  upstream = await startTerraformUpstream({ links: 'relative' });
  put(release);
});

afterEach(async () => {
  await Promise.all(samples.map(async (sample) => sample.close()));
  await upstream.close();
});

function put(one: ProviderRelease): void {
  upstream.put({ namespace: 'acme', type: 'demo', releases: [one] });
}

async function start(options: Partial<SampleOptions> = {}): Promise<SampleProviders> {
  const sample = await startSampleProviders({ upstreamUrl: upstream.url, ...options });
  samples.push(sample);
  return sample;
}

async function claims(sample: SampleProviders, platform = LINUX): Promise<{ readonly archive: FileClaim; readonly sums: FileClaim; readonly signature: FileClaim }> {
  const found = await sample.providers.package(DEMO, '1.0.0', platform);
  if (found === null) {
    throw new Error('no such package');
  }
  return found;
}

function fetches(): number {
  return upstream.requests.filter((path) => path.endsWith('.zip')).length;
}

describe('an archive that is not stored yet', () => {
  it('is fetched once for all who want it, and handed in once', async () => {
    const sample = await start();
    const { archive } = await claims(sample);

    const all = await Promise.all(Array.from({ length: 20 }, async () => sample.bytes(archive)));

    expect(new Set(all.map((one) => one?.equals(bytes)))).toEqual(new Set([true]));
    expect(fetches()).toBe(1);
    expect(sample.jobs).toMatchObject([{ version: 1, ecosystem: 'terraform', package: 'providers/registry.example.com/acme/demo', file: '1.0.0/linux_amd64', digest: `sha256:${archive.sha256}`, holder: 'spec-holder' }]);
  });

  it('is named alike before and after it is stored, and serves its parts', async () => {
    const sample = await start();
    const { archive } = await claims(sample);
    const miss = await sample.providers.file(archive);
    const before = fetches();
    const started = await miss!.start(SIGNAL);
    const end = await buffer(await started.open({ start: 300_000, end: bytes.length - 1 }, SIGNAL));
    await started.open(undefined, SIGNAL).then(buffer);
    const outcomes = await sample.ingest();
    const hit = await sample.providers.file(archive);
    const part = await buffer(await hit!.open({ start: 10, end: 19 }, SIGNAL));

    expect([before, outcomes]).toEqual([0, ['stored']]);
    expect(miss).toMatchObject({ cache: 'miss', etag: `sha256:${archive.sha256}`, size: null, contentType: 'application/zip' });
    expect(started.size).toBe(bytes.length);
    expect(hit).toMatchObject({ cache: 'hit', etag: `sha256:${archive.sha256}`, size: bytes.length, contentType: 'application/zip' });
    expect([end.equals(bytes.subarray(300_000)), part.equals(bytes.subarray(10, 20))]).toEqual([true, true]);
    expect(fetches()).toBe(1);
  });

  it.each([
    ['wrong-bytes', 'integrity'],
    ['truncated', 'upstream-unavailable'],
    [{ status: 500 }, 'upstream-unavailable'],
    [{ status: 403 }, 'upstream-denied'],
    ['html', 'integrity'],
  ] as const)('is never stored, nor served whole, with %o', async (how, code) => {
    const sample = await start();
    const { archive } = await claims(sample);
    upstream.fail(/\.zip$/, how);

    await expect(sample.bytes(archive)).rejects.toMatchObject({ code });
    expect(sample.jobs).toEqual([]);
  });

  it('is gone where upstream has it no more, and only unavailable where upstream cannot be asked', async () => {
    const sample = await start();
    const { archive } = await claims(sample);
    upstream.providers.clear();
    const gone = await sample.bytes(archive);
    upstream.mode = 'error';

    expect(gone).toBeNull();
    await expect(sample.bytes(archive)).rejects.toMatchObject({ code: 'upstream-unavailable' });
  });

  it('is served from the spool with upstream away', async () => {
    const sample = await start();
    const { archive } = await claims(sample);
    await sample.bytes(archive);
    upstream.mode = 'drop';

    expect((await sample.bytes(archive))?.equals(bytes)).toBe(true);
  });

  it('is not another one under its name: a link to what upstream has replaced leads nowhere', async () => {
    const sample = await start();
    const { archive, sums } = await claims(sample);
    put(changed);
    await claims(sample, MAC);

    await expect(sample.bytes(archive)).rejects.toMatchObject({ code: 'upstream-unavailable' });
    await expect((await start()).bytes(sums)).rejects.toMatchObject({ code: 'integrity' });
    expect(fetches()).toBe(0);
  });

  it('is looked for again where its link has ended', async () => {
    const paths: string[] = [];
    const archive = release.archives[0];
    const server = await startScriptedServer((request, response) => {
      paths.push(request.url);
      const isNew = paths.filter((path) => path.includes('/download/')).length > 1;
      if (request.url.includes('/download/')) {
        const files = { download_url: `/files/${isNew ? 'new' : 'old'}.zip`, shasums_url: '/files/SHA256SUMS', shasums_signature_url: '/files/SHA256SUMS.sig' };
        const keys = [{ key_id: key.keyId, ascii_armor: key.publicKey }];
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ protocols: ['5.0'], os: 'linux', arch: 'amd64', filename: archive?.filename, shasum: archive?.sha256, signing_keys: { gpg_public_keys: keys }, ...files }));
      } else if (request.url.endsWith('terraform.json')) {
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"providers.v1":"/v1/"}');
      } else if (request.url === '/files/old.zip') {
        response.writeHead(403).end();
      } else if (request.url.endsWith('.zip')) {
        response.writeHead(200).end(bytes);
      } else {
        response.writeHead(200).end(request.url.endsWith('.sig') ? release.signature?.bytes : release.sums.bytes);
      }
    });
    const sample = await start({ upstreamUrl: server.url, ttlMs: 60_000 });

    const got = await sample.bytes((await claims(sample)).archive);
    await server.stop();

    expect(got?.equals(bytes)).toBe(true);
    expect(paths.filter((path) => path.endsWith('.zip'))).toEqual(['/files/old.zip', '/files/new.zip']);
  });

  it('is served though the queue takes no job', async () => {
    const sample = await start({ queueFails: true });

    expect((await sample.bytes((await claims(sample)).archive))?.equals(bytes)).toBe(true);
    await expect.poll(() => sample.log.map(({ message }) => message)).toEqual(['an ingest job could not be handed in; the file is stored when it is asked for again']);
  });
});

describe('SHA256SUMS and its signature', () => {
  it('are served by a replica that has never heard of the version', async () => {
    const { sums, signature } = await claims(await start());
    const sample = await start();

    expect(await sample.bytes(sums)).toEqual(release.sums.bytes);
    expect(await sample.bytes(signature)).toEqual(release.signature?.bytes);
    expect(await sample.providers.file(sums)).toMatchObject({ cache: 'miss', size: release.sums.size, etag: `sha256:${release.sums.sha256}` });
    expect(await buffer(await (await sample.providers.file(sums))!.open({ start: 3, end: 9 }, SIGNAL))).toEqual(release.sums.bytes.subarray(3, 10));
  });

  it('are unavailable, not missing, where upstream cannot be asked', async () => {
    const { sums } = await claims(await start());
    const sample = await start({ patienceMs: 100 });
    upstream.mode = 'hang';

    await expect(sample.bytes(sums)).rejects.toMatchObject({ code: 'upstream-unavailable' });
  });

  it('stay those that were stored', async () => {
    const sample = await start();
    const { archive, sums, signature } = await claims(sample);
    await sample.bytes(archive);
    await sample.ingest();
    put(changed);

    expect(await sample.bytes(sums)).toEqual(release.sums.bytes);
    expect(await sample.providers.file(signature)).toMatchObject({ cache: 'hit', contentType: 'application/octet-stream' });
  });
});

describe('a stored archive', () => {
  async function hold(sample: SampleProviders): Promise<FileClaim> {
    const { archive } = await claims(sample);
    await sample.bytes(archive);
    expect(await sample.ingest()).toEqual(['stored']);
    return archive;
  }

  it('is fetched again where storage has lost it, whole and in parts', async () => {
    const before = await start();
    const archive = await hold(before);
    before.stored.get(providerRef(DEMO).repository)?.blobs.clear();
    const sample = await start({ stored: before.stored });
    const file = await sample.providers.file(archive);

    expect((await buffer(await file!.open(undefined, SIGNAL))).equals(bytes)).toBe(true);
    expect((await buffer(await file!.open({ start: 5, end: 14 }, SIGNAL))).equals(bytes.subarray(5, 15))).toBe(true);
    expect(await sample.ingest()).toEqual(['present']);
    expect((await (await start({ stored: before.stored, upstreamUrl: null })).bytes(archive))?.equals(bytes)).toBe(true);
  });

  it('that is lost is not replaced by other bytes', async () => {
    const before = await start();
    const archive = await hold(before);
    before.stored.get(providerRef(DEMO).repository)?.blobs.clear();
    put(changed);

    await expect((await start({ stored: before.stored })).bytes(archive)).rejects.toMatchObject({ code: 'upstream-unavailable' });
    await expect((await start({ stored: before.stored, upstreamUrl: null })).bytes(archive)).rejects.toMatchObject({ code: 'storage-unavailable' });
  });

  it('that was published and is lost is storage\'s failure', async () => {
    const sample = await start();
    await sample.publish(OURS, release);
    const found = await sample.providers.package(OURS, '1.0.0', LINUX);
    sample.stored.get(providerRef(OURS).repository)?.blobs.clear();

    await expect(sample.bytes(found!.archive)).rejects.toMatchObject({ code: 'storage-unavailable' });
    expect(upstream.requests).toEqual([]);
  });

  it('is not served by a link that was made for other bytes', async () => {
    const sample = await start();
    const archive = await hold(sample);

    await expect(sample.providers.file({ ...archive, sha256: '0'.repeat(64) })).rejects.toMatchObject({ code: 'integrity' });
  });

  it.each([
    ['deleted', async (sample: SampleProviders) => sample.ledger.delete(providerRef(DEMO), [pulledTag('1.0.0', LINUX)], { by: 'carol' })],
    ['blocked', async (sample: SampleProviders) => sample.record(DEMO, blockKey('1.0.0'), '')],
    ['blocked with all of its provider', async (sample: SampleProviders) => sample.record(DEMO, blockKey(EVERY_VERSION), '')],
    ['deleted and blocked', async (sample: SampleProviders) => {
      await sample.record(DEMO, blockKey('1.0.0'), '');
      await sample.ledger.delete(providerRef(DEMO), [pulledTag('1.0.0', LINUX)], { by: 'carol' });
    }],
  ])('is gone once it was %s, also for those who have a link', async (_, remove) => {
    const sample = await start();
    const archive = await hold(sample);
    const sums = { ...archive, kind: 'sums', sha256: release.sums.sha256 } as const;
    await remove(sample);

    expect(await sample.bytes(archive)).toBeNull();
    expect(await sample.bytes(sums)).toBeNull();
  });
});

it.each([
  ['no provider', { package: 'modules/registry.example.com/acme/demo/aws' }],
  ['half a provider', { package: 'providers/registry.example.com/acme' }],
  ['an archive of a module', { kind: 'module-archive' }],
  ['a file without a digest', { sha256: null }],
  ['no platform', { platform: null }],
] as const)('has nothing for a claim of %s', async (_, change) => {
  const sample = await start();
  const claim: FileClaim = { kind: 'provider-archive', package: providerRef(DEMO).name, version: '1.0.0', platform: LINUX, sha256: release.archives[0]?.sha256 ?? '', filename: 'x.zip' };

  expect(await sample.providers.file({ ...claim, ...change })).toBeNull();
  expect(upstream.requests).toEqual([]);
});
