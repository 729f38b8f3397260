import { ProxyError } from '@oci-package-proxy/errors';
import { type ProviderRelease, providerRelease, signingKey, startTerraformUpstream, type TerraformUpstream, type TestKey } from '@oci-package-proxy/testing';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { providerRef } from '../model/address.ts';
import { blockKey, EVERY_VERSION, pulledTag, yankKey } from '../model/terraform-fact.ts';
import type { ProviderVersions } from './read-port.ts';
import { DEMO, HOST, LINUX, MAC, OURS, type SampleOptions, type SampleProviders, startSampleProviders } from './sample-providers.contract.ts';

const WINDOWS = { os: 'windows', arch: 'amd64' };
const PLATFORMS = ['linux_amd64', 'darwin_arm64'];

let key: TestKey;
let other: TestKey;
let first: ProviderRelease;
let second: ProviderRelease;
/** Of the same version as {@link first}, with other bytes. */
let changed: ProviderRelease;
let upstream: TerraformUpstream;
let samples: SampleProviders[];

beforeAll(async () => {
  [key, other] = await Promise.all([signingKey(), signingKey({ name: 'Somebody Else' })]);
  first = await providerRelease({ type: 'demo', version: '1.0.0', platforms: PLATFORMS, key });
  second = await providerRelease({ type: 'demo', version: '2.0.0-rc.1', platforms: PLATFORMS, key });
  changed = await providerRelease({ type: 'demo', version: '1.0.0', platforms: PLATFORMS, key, program: () => Buffer.from('#!/bin/sh\necho changed\n') });
});

beforeEach(async () => {
  samples = [];
  upstream = await startTerraformUpstream({ links: 'relative' });
  put([first]);
});

afterEach(async () => {
  await Promise.all(samples.map(async (sample) => sample.close()));
  await upstream.close();
});

async function start(options: Partial<SampleOptions> = {}): Promise<SampleProviders> {
  const sample = await startSampleProviders({ upstreamUrl: upstream.url, ...options });
  samples.push(sample);
  return sample;
}

function put(releases: readonly ProviderRelease[], more: Partial<Parameters<TerraformUpstream['put']>[0]> = {}): void {
  upstream.put({ namespace: 'acme', type: 'demo', releases, ...more });
}

/** Pulls a platform through and stores it. */
async function hold(sample: SampleProviders, version = '1.0.0', platform = LINUX): Promise<void> {
  await sample.install(DEMO, version, platform);
  expect(await sample.ingest()).toEqual(['stored']);
}

function archiveOf(release: ProviderRelease, platform = 'linux_amd64'): ProviderRelease['archives'][number] {
  const archive = release.archives.find((one) => one.platform === platform);
  if (archive === undefined) {
    throw new Error(`no ${platform}`);
  }
  return archive;
}

function bytesOf(release: ProviderRelease, platform?: string): Buffer {
  return Buffer.concat([...archiveOf(release, platform).pieces()]);
}

function numbers(found: ProviderVersions | null): readonly string[] | null {
  return found === null ? null : found.versions.map(({ version }) => version);
}

describe('a provider that is published here', () => {
  it('is listed, described, mirrored and served from storage', async () => {
    const sample = await start();
    await sample.publish(OURS, first);

    const versions = await sample.providers.versions(OURS);
    const found = await sample.providers.package(OURS, '1.0.0', LINUX);
    const archives = await sample.providers.archives(OURS, '1.0.0');

    expect(versions).toEqual({ versions: [{ version: '1.0.0', protocols: ['5.0'], platforms: [LINUX, MAC] }], warnings: [] });
    expect(found).toMatchObject({
      version: '1.0.0',
      protocols: ['5.0'],
      platform: LINUX,
      archive: { kind: 'provider-archive', package: 'providers/tf.example.com/acme/demo', sha256: archiveOf(first).sha256, filename: 'terraform-provider-demo_1.0.0_linux_amd64.zip' },
      sums: { kind: 'sums', sha256: first.sums.sha256, filename: 'terraform-provider-demo_1.0.0_SHA256SUMS', platform: null },
      signature: { kind: 'signature', filename: 'terraform-provider-demo_1.0.0_SHA256SUMS.sig' },
      keys: [{ keyId: key.keyId, asciiArmor: key.publicKey }],
    });
    expect(found?.all).toEqual(first.archives.map(({ platform, sha256, h1, size }) => ({ platform: { os: platform.split('_')[0], arch: platform.split('_')[1] }, hashes: [`zh:${sha256}`, h1], size })));
    expect(archives?.map(({ archive }) => archive.filename)).toEqual(first.archives.map(({ filename }) => filename));
    expect(await Promise.all([found!.archive, found!.sums, found!.signature].map(async (claim) => sample.bytes(claim)))).toEqual([bytesOf(first), first.sums.bytes, first.signature!.bytes]);
    expect(upstream.requests).toEqual([]);
  });

  it('lacks what it lacks', async () => {
    const sample = await start();
    await sample.publish(OURS, first);

    expect(await sample.providers.package(OURS, '1.0.0', WINDOWS)).toBeNull();
    expect(await sample.providers.package(OURS, '3.0.0', LINUX)).toBeNull();
    expect(await sample.providers.archives(OURS, '3.0.0')).toBeNull();
    expect(await sample.providers.versions({ ...OURS, type: 'nothing' })).toBeNull();
  });

  it('is found at once by a replica with an old list', async () => {
    const stored = new Map();
    const [writer, reader] = [await start({ stored }), await start({ stored })];
    const before = await reader.providers.versions(OURS);
    await writer.publish(OURS, first);

    expect(before).toBeNull();
    expect(numbers(await reader.providers.versions(OURS))).toEqual(['1.0.0']);
    expect(await reader.install(OURS, '1.0.0')).toEqual(bytesOf(first));
  });

  it('hides a yanked version from lists, says so, and serves it to who names it', async () => {
    const sample = await start();
    await sample.publish(OURS, first);
    await sample.publish(OURS, second);
    await sample.record(OURS, yankKey('1.0.0'), 'it eats state');

    const versions = await sample.providers.versions(OURS);

    expect(numbers(versions)).toEqual(['2.0.0-rc.1']);
    expect(versions?.warnings).toEqual([expect.stringContaining('it eats state')]);
    expect(await sample.install(OURS, '1.0.0')).toEqual(bytesOf(first));
    expect(await sample.providers.archives(OURS, '1.0.0')).toHaveLength(2);

    await sample.record(OURS, yankKey('1.0.0'), null);
    expect(await sample.providers.versions(OURS)).toMatchObject({ versions: [{ version: '1.0.0' }, { version: '2.0.0-rc.1' }], warnings: [] });
  });

  it('is gone once it is deleted, and its links with it', async () => {
    const sample = await start();
    await sample.publish(OURS, first);
    const found = await sample.providers.package(OURS, '1.0.0', LINUX);
    await sample.ledger.delete(providerRef(OURS), ['1.0.0'], { by: 'carol' });

    expect(await sample.providers.versions(OURS)).toBeNull();
    expect(await sample.providers.package(OURS, '1.0.0', LINUX)).toBeNull();
    expect(await sample.bytes(found!.archive)).toBeNull();
    expect(await sample.bytes(found!.sums)).toBeNull();
  });

  it('is never missing because storage fails', async () => {
    const gate = {
      before: (): void => {
        throw new ProxyError('storage-unavailable', 'the registry is down for a test');
      },
    };
    const sample = await start({ gate });

    await expect(sample.providers.versions(OURS)).rejects.toMatchObject({ code: 'storage-unavailable' });
    await expect(sample.providers.package(OURS, '1.0.0', LINUX)).rejects.toMatchObject({ code: 'storage-unavailable' });
    await expect(sample.providers.versions(DEMO)).rejects.toMatchObject({ code: 'storage-unavailable' });
    expect(upstream.requests).toEqual([]);
  });
});

describe('a provider that no upstream is to hear of', () => {
  it.each([
    ['private, with nothing stored', { privateNames: ['providers/registry.example.com/acme/**'] }, DEMO],
    ['under the own host', {}, OURS],
    ['of a host that is not pulled through', {}, { ...DEMO, host: 'other.example.com' }],
  ] as const)('is told to none: %s', async (_, options, address) => {
    const sample = await start(options);
    const claim = { kind: 'provider-archive', package: providerRef(address).name, version: '1.0.0', platform: LINUX, sha256: archiveOf(first).sha256, filename: 'x.zip' } as const;

    for (const fresh of [false, true]) {
      expect(await sample.providers.versions(address, { fresh })).toBeNull();
      expect(await sample.providers.package(address, '1.0.0', LINUX, { fresh })).toBeNull();
      expect(await sample.providers.archives(address, '1.0.0', { fresh })).toBeNull();
      expect(await sample.providers.file(claim, { fresh })).toBeNull();
      expect(await sample.providers.file({ ...claim, kind: 'sums' }, { fresh })).toBeNull();
    }
    expect(upstream.requests).toEqual([]);
  });

  it('is served from storage where it was pulled through before it was declared private', async () => {
    const before = await start();
    await hold(before);
    const asked = upstream.requests.length;
    const sample = await start({ stored: before.stored, privateNames: ['providers/*/acme/demo'] });

    expect(numbers(await sample.providers.versions(DEMO))).toEqual(['1.0.0']);
    expect(await sample.install(DEMO, '1.0.0')).toEqual(bytesOf(first));
    expect(await sample.providers.package(DEMO, '1.0.0', MAC)).toBeNull();
    expect(upstream.requests).toHaveLength(asked);
  });
});

describe('a provider that is pulled through', () => {
  it('is listed and described as upstream does, with what vouches for it', async () => {
    const sample = await start();
    put([first, second], { warnings: ['Use acme/better instead.'], trustSignature: 'partner', source: 'Acme' });

    const versions = await sample.providers.versions(DEMO);
    const found = await sample.providers.package(DEMO, '1.0.0', LINUX);

    expect(numbers(versions)).toEqual(['1.0.0', '2.0.0-rc.1']);
    expect(versions?.warnings).toEqual(['Use acme/better instead.']);
    expect(found).toMatchObject({
      protocols: ['5.0'],
      archive: { sha256: archiveOf(first).sha256, filename: archiveOf(first).filename },
      sums: { sha256: first.sums.sha256, platform: LINUX },
      keys: [{ keyId: key.keyId, asciiArmor: key.publicKey, trustSignature: 'partner', source: 'Acme' }],
      all: null,
    });
    expect(await sample.bytes(found!.sums)).toEqual(first.sums.bytes);
    expect(await sample.bytes(found!.signature)).toEqual(first.signature!.bytes);
  });

  it('has one list, here or there, as long as nothing changes, so that no long one is made for each who asks', async () => {
    const sample = await start({ ttlMs: 60_000 });
    await sample.publish(OURS, first);
    const before = [await sample.providers.versions(OURS), await sample.providers.versions(DEMO)];
    const again = [await sample.providers.versions(OURS), await sample.providers.versions(DEMO)];
    await sample.record(OURS, yankKey('1.0.0'), 'broken');
    await sample.record(DEMO, yankKey('1.0.0'), 'broken');

    expect(again.map((list, index) => list === before[index])).toEqual([true, true]);
    expect([await sample.providers.versions(OURS), await sample.providers.versions(DEMO)].map(numbers)).toEqual([[], []]);
  });

  it('is asked for once until it is old, a version that is new at upstream at once', async () => {
    const sample = await start({ ttlMs: 60_000 });
    const before = [await sample.providers.versions(DEMO), await sample.providers.versions(DEMO)].map(numbers);
    const asked = upstream.requests.length;
    put([first, second]);
    await new Promise((resolve) => setTimeout(resolve, 10));

    const found = await sample.providers.package(DEMO, '2.0.0-rc.1', LINUX);

    expect([before, asked]).toEqual([[['1.0.0'], ['1.0.0']], 2]);
    expect(found).toMatchObject({ version: '2.0.0-rc.1' });
    // Clients choose from the list alone, so it has caught up by then.
    await expect.poll(async () => numbers(await sample.providers.versions(DEMO))).toEqual(['1.0.0', '2.0.0-rc.1']);
  });

  it('is not there where upstream does not have it', async () => {
    const sample = await start();

    expect(await sample.providers.versions({ ...DEMO, type: 'nothing' })).toBeNull();
    expect(await sample.providers.package(DEMO, '1.0.0', WINDOWS)).toBeNull();
    expect(await sample.providers.archives(DEMO, '3.0.0')).toBeNull();
  });

  it('lists the hashes of all platforms in a mirror, from one description of one platform', async () => {
    const sample = await start();

    const archives = await sample.providers.archives(DEMO, '1.0.0');
    const again = await sample.providers.archives(DEMO, '1.0.0');

    expect(archives?.map(({ platform, hashes, size }) => ({ platform, hashes, size }))).toEqual([
      { platform: LINUX, hashes: [`zh:${archiveOf(first).sha256}`], size: null },
      { platform: MAC, hashes: [`zh:${archiveOf(first, 'darwin_arm64').sha256}`], size: null },
    ]);
    expect(again).toEqual(archives);
    expect(upstream.requests.filter((path) => path.includes('/download/'))).toHaveLength(1);
    expect(upstream.requests.filter((path) => path.endsWith('SHA256SUMS'))).toHaveLength(1);
    expect(await sample.bytes(archives![1]!.archive)).toEqual(bytesOf(first, 'darwin_arm64'));
  });

  it('passes on what upstream says of other platforms', async () => {
    const packages = Object.fromEntries(first.archives.map(({ platform, sha256, h1, size }) => [platform, { hashes: [`zh:${sha256}`, h1], package_size: size }]));
    const sample = await start();
    put([first], { change: { packages } });

    const found = await sample.providers.package(DEMO, '1.0.0', LINUX);
    const file = await sample.providers.file(found!.archive);

    expect(found?.all).toEqual(first.archives.map(({ platform, sha256, h1, size }) => ({ platform: platform === 'linux_amd64' ? LINUX : MAC, hashes: [`zh:${sha256}`, h1], size })));
    expect(file?.size).toBe(archiveOf(first).size);
    expect((await sample.providers.archives(DEMO, '1.0.0'))?.map(({ hashes }) => hashes.length)).toEqual([2, 2]);
  });

  it('takes no hashes from upstream whose archive is another than the signed one', async () => {
    const sample = await start();
    put([first], { change: { packages: { linux_amd64: { hashes: [`zh:${'0'.repeat(64)}`, 'h1:AAAA'], package_size: 5 } } } });

    const found = await sample.providers.package(DEMO, '1.0.0', LINUX);

    expect(found?.all).toBeNull();
    expect((await sample.providers.archives(DEMO, '1.0.0'))?.[0]?.hashes).toEqual([`zh:${archiveOf(first).sha256}`]);
  });

  it('is passed on unsigned where upstream announces no keys', async () => {
    const unsigned = await providerRelease({ type: 'demo', version: '1.0.0', key: null });
    const sample = await start();
    put([unsigned]);

    const found = await sample.providers.package(DEMO, '1.0.0', LINUX);

    expect(found?.keys).toEqual([]);
    expect(await sample.bytes(found!.signature)).toEqual(Buffer.alloc(0));
    expect(await sample.install(DEMO, '1.0.0')).toEqual(bytesOf(unsigned));
    expect(await sample.ingest()).toEqual(['stored']);
    expect(await sample.bytes((await sample.providers.package(DEMO, '1.0.0', LINUX))!.signature)).toEqual(Buffer.alloc(0));
    expect(await sample.providers.archives(DEMO, '1.0.0')).toMatchObject([{ hashes: [`zh:${archiveOf(unsigned).sha256}`, archiveOf(unsigned).h1] }]);
  });

  it('makes an armored signature one that clients read', async () => {
    const armored = await providerRelease({ type: 'demo', version: '1.0.0', key, signatureForm: 'armored' });
    const sample = await start();
    put([armored]);

    const found = await sample.providers.package(DEMO, '1.0.0', LINUX);

    expect((await sample.bytes(found!.signature))?.[0]).toBeGreaterThanOrEqual(0x80);
  });
});

describe('what is held', () => {
  it('is answered without upstream, with all hashes that are known', async () => {
    const sample = await start();
    await hold(sample);
    upstream.mode = 'drop';

    const found = await sample.providers.package(DEMO, '1.0.0', LINUX);
    const { sha256, h1, size } = archiveOf(first);

    expect(found?.all).toEqual([
      { platform: LINUX, hashes: [`zh:${sha256}`, h1], size },
      { platform: MAC, hashes: [`zh:${archiveOf(first, 'darwin_arm64').sha256}`], size: null },
    ]);
    expect(found?.keys).toMatchObject([{ keyId: key.keyId }]);
    expect(await Promise.all([found!.archive, found!.sums, found!.signature].map(async (claim) => sample.bytes(claim)))).toEqual([bytesOf(first), first.sums.bytes, first.signature!.bytes]);
  });

  it('stands in for an upstream that cannot be asked, on held platforms, with a warning', async () => {
    const before = await start();
    put([first, second], { warnings: ['old'] });
    await hold(before);
    const sample = await start({ stored: before.stored });
    upstream.mode = 'error';

    const versions = await sample.providers.versions(DEMO);
    const archives = await sample.providers.archives(DEMO, '1.0.0');

    expect(versions?.versions).toEqual([{ version: '1.0.0', protocols: ['5.0'], platforms: [LINUX] }]);
    expect(versions?.warnings).toEqual([expect.stringContaining(`${HOST} cannot be reached`), 'old']);
    expect(archives?.map(({ hashes }) => hashes[0])).toEqual(first.archives.map(({ sha256: one }) => `zh:${one}`));
    await expect(sample.providers.package(DEMO, '1.0.0', MAC)).rejects.toMatchObject({ code: 'upstream-unavailable' });
    await expect(sample.providers.versions({ ...DEMO, type: 'other' })).rejects.toMatchObject({ code: 'upstream-unavailable' });
    await expect(sample.providers.archives(DEMO, '2.0.0-rc.1')).rejects.toMatchObject({ code: 'upstream-unavailable' });
  });

  it.each(['error', 'drop', 'hang'] as const)('comes after the list that upstream gave last: %s', async (mode) => {
    const sample = await start({ documentPatienceMs: 50 });
    put([first, second]);
    await hold(sample);
    await sample.providers.versions(DEMO);
    upstream.mode = mode;

    const versions = await sample.providers.versions(DEMO);

    expect(numbers(versions)).toEqual(['1.0.0', '2.0.0-rc.1']);
    expect(versions?.warnings).toEqual([expect.stringContaining('cannot be reached')]);
  });

  it('is not kept waiting by an upstream that hangs', async () => {
    const before = await start();
    await hold(before);
    const sample = await start({ stored: before.stored, patienceMs: 100 });
    upstream.mode = 'hang';

    const begin = performance.now();
    const [versions, archives] = await Promise.all([sample.providers.versions(DEMO), sample.providers.archives(DEMO, '1.0.0')]);

    expect(numbers(versions)).toEqual(['1.0.0']);
    expect(archives).toHaveLength(2);
    await expect(sample.providers.package(DEMO, '2.0.0', LINUX)).rejects.toMatchObject({ code: 'upstream-unavailable' });
    expect(performance.now() - begin).toBeLessThan(3000);
  });

  it('leaves the waiting to who gave it up', async () => {
    const sample = await start();
    upstream.mode = 'hang';

    await expect(sample.providers.versions(DEMO, { signal: AbortSignal.timeout(50) })).rejects.toMatchObject({ code: 'aborted' });
  });

  it('is not listed any more when upstream has taken it back, also once upstream is away, and is served to who names it', async () => {
    const before = await start();
    put([first, second]);
    await hold(before);
    await hold(before, '2.0.0-rc.1');
    put([second]);
    const listed = numbers(await before.providers.versions(DEMO));
    await expect.poll(() => before.jobs.length).toBe(1);
    const outcomes = await before.ingest();
    const sample = await start({ stored: before.stored });
    upstream.mode = 'error';

    expect([listed, outcomes]).toEqual([['2.0.0-rc.1'], ['present']]);
    expect(numbers(await sample.providers.versions(DEMO))).toEqual(['2.0.0-rc.1']);
    expect(await sample.install(DEMO, '1.0.0')).toEqual(bytesOf(first));
    expect(await sample.providers.archives(DEMO, '1.0.0')).toHaveLength(2);
  });

  it('keeps its bytes when upstream announces others, and raises an alarm once', async () => {
    const sample = await start();
    await hold(sample);
    put([changed]);

    const found = await sample.providers.package(DEMO, '1.0.0', LINUX);
    await expect.poll(() => sample.log.map(({ message }) => message)).toEqual(['upstream now shows other bytes for a stored file; the stored ones are served']);
    const archives = await sample.providers.archives(DEMO, '1.0.0', { fresh: true });
    const mac = await sample.providers.package(DEMO, '1.0.0', MAC, { fresh: true });

    expect(found?.archive.sha256).toBe(archiveOf(first).sha256);
    expect(archives?.map(({ archive }) => archive.sha256)).toEqual([archiveOf(first).sha256, archiveOf(changed, 'darwin_arm64').sha256]);
    expect(mac).toMatchObject({ archive: { sha256: archiveOf(changed, 'darwin_arm64').sha256 }, sums: { sha256: changed.sums.sha256 } });
    expect(await sample.install(DEMO, '1.0.0')).toEqual(bytesOf(first));
    expect(sample.log.filter(({ level }) => level === 'error')).toMatchObject([{ fields: { version: '1.0.0', platform: 'linux_amd64', upstream: HOST, stored: archiveOf(first).sha256, announced: archiveOf(changed).sha256 } }]);
  });

  it('does not come back from upstream once it was deleted', async () => {
    const sample = await start();
    await hold(sample);
    await sample.ledger.delete(providerRef(DEMO), [pulledTag('1.0.0', LINUX)], { by: 'carol' });

    const versions = await sample.providers.versions(DEMO);

    expect(versions?.versions).toEqual([{ version: '1.0.0', protocols: ['5.0'], platforms: [MAC] }]);
    expect(await sample.providers.package(DEMO, '1.0.0', LINUX)).toBeNull();
    expect((await sample.providers.archives(DEMO, '1.0.0'))?.map(({ platform }) => platform)).toEqual([MAC]);
    expect(await sample.providers.package(DEMO, '1.0.0', MAC)).not.toBeNull();
  });

  it.each([[blockKey('1.0.0'), ['2.0.0-rc.1'], true], [yankKey('1.0.0'), ['2.0.0-rc.1'], false]])('and upstream\'s is hidden by an operator: %s', async (mark, shown, isGone) => {
    const sample = await start();
    put([first, second]);
    await hold(sample);
    await sample.record(DEMO, mark, 'why');

    const online = await sample.providers.versions(DEMO);
    const installed = [await sample.install(DEMO, '1.0.0'), await sample.install(DEMO, '1.0.0', MAC), await sample.providers.archives(DEMO, '1.0.0')];
    upstream.mode = 'error';
    const offline = await (await start({ stored: sample.stored })).providers.versions(DEMO);

    expect(numbers(online)).toEqual(shown);
    expect(numbers(offline)).toEqual([]);
    expect(installed.map((one) => one === null)).toEqual([isGone, isGone, isGone]);
    expect(online?.warnings).toHaveLength(isGone ? 0 : 1);
  });
});

it('shows nothing of a provider that is blocked as a whole, whatever upstream adds', async () => {
  const sample = await start();
  await hold(sample);
  await sample.record(DEMO, blockKey(EVERY_VERSION), '');
  put([first, second]);

  expect(numbers(await sample.providers.versions(DEMO))).toEqual([]);
  for (const version of ['1.0.0', '2.0.0-rc.1']) {
    expect(await sample.providers.package(DEMO, version, LINUX)).toBeNull();
    expect(await sample.providers.archives(DEMO, version)).toBeNull();
  }
});

describe('an upstream that is not what it should be', () => {
  const DOCUMENTS: readonly (readonly [string, RegExp])[] = [
    ['discovery', /terraform\.json$/],
    ['list', /versions$/],
    ['description', /\/download\//],
    ['sums', /SHA256SUMS$/],
    ['signature', /SHA256SUMS\.sig$/],
  ];

  it.each(DOCUMENTS.flatMap(([name, path]) => (['html', 'drop', { status: 500 }, { status: 403 }, { status: 429 }] as const).map((how) => [name, how, path] as const)))('is never taken for one that has nothing: %s, %o', async (_, how, path) => {
    const sample = await start();
    upstream.fail(path, how);

    const answers = await Promise.allSettled([sample.providers.versions(DEMO), sample.providers.package(DEMO, '1.0.0', LINUX), sample.providers.archives(DEMO, '1.0.0')]);

    const failures = answers.filter((answer) => answer.status === 'rejected').map(({ reason }) => (reason as ProxyError).code);
    expect(failures.length).toBeGreaterThanOrEqual(1);
    expect(failures.filter((code) => !['upstream-unavailable', 'upstream-denied', 'rate-limited'].includes(code))).toEqual([]);
    expect(answers.filter((answer) => answer.status === 'fulfilled' && answer.value === null)).toEqual([]);
  });

  it.each(DOCUMENTS.filter(([name]) => name !== 'list' && name !== 'description'))('is never taken for one that has nothing where only a part is missing: %s', async (_, path) => {
    const sample = await start();
    upstream.fail(path, { status: 404 });

    await expect(sample.providers.package(DEMO, '1.0.0', LINUX)).rejects.toMatchObject({ code: 'upstream-unavailable' });
  });

  it.each(DOCUMENTS)('has its last answer stand in for a page to sign in at: %s', async (_, path) => {
    const sample = await start();
    const before = await sample.providers.package(DEMO, '1.0.0', LINUX);
    await sample.providers.versions(DEMO);
    upstream.fail(path, 'html');

    expect(numbers(await sample.providers.versions(DEMO))).toEqual(['1.0.0']);
    expect(await sample.providers.package(DEMO, '1.0.0', LINUX)).toEqual(before);
  });

  const TAMPERED: readonly (readonly [string, () => Promise<void>, boolean])[] = [
    ['a signature by somebody else', async () => put([await providerRelease({ type: 'demo', version: '1.0.0', key: other })], { keys: [{ key_id: key.keyId, ascii_armor: key.publicKey }] }), true],
    ['sums that say something else', async () => put([await providerRelease({ type: 'demo', version: '1.0.0', key, sums: (right) => right.replace(/^../, 'ff') })]), true],
    ['sums that were changed after they were signed', async () => Promise.resolve(put([{ ...first, files: first.files.map((file) => (file === first.sums ? { ...changed.sums, filename: first.sums.filename } : file)) }])), true],
    ['sums without the archive', async () => put([await providerRelease({ type: 'demo', version: '1.0.0', key, sums: () => `${'0'.repeat(64)}  other.zip\n` })]), false],
    ['a key that is none', async () => Promise.resolve(put([first], { keys: [{ key_id: 'x', ascii_armor: 'nothing' }] })), true],
  ];

  it.each(TAMPERED)('is not vouched for: %s', async (_, prepare, isAlarming) => {
    const sample = await start();
    await prepare();

    await expect(sample.providers.package(DEMO, '1.0.0', LINUX)).rejects.toMatchObject({ code: 'upstream-unavailable' });
    await expect(sample.providers.archives(DEMO, '1.0.0')).rejects.toMatchObject({ code: 'upstream-unavailable' });

    expect(sample.log.filter(({ level }) => level === 'error')).toHaveLength(isAlarming ? 1 : 0);
    expect(sample.jobs).toEqual([]);
  });

  it('is asked again before it is suspected: its documents need not be of one moment', async () => {
    const sample = await start({ ttlMs: 60_000 });
    const before = await sample.providers.package(DEMO, '1.0.0', LINUX);
    put([changed]);

    const mac = await sample.providers.package(DEMO, '1.0.0', MAC);

    expect(before?.archive.sha256).toBe(archiveOf(first).sha256);
    expect(mac).toMatchObject({ archive: { sha256: archiveOf(changed, 'darwin_arm64').sha256 }, sums: { sha256: changed.sums.sha256 } });
    expect(sample.log).toEqual([]);
  });

  it('that lists versions clients cannot read does not fail their init', async () => {
    const sample = await start();
    upstream.fail(/versions$/, { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ versions: [{ version: 'latest' }, { version: 'v1.0.0' }, { version: '1.0.0', platforms: null }] }) });

    expect(numbers(await sample.providers.versions(DEMO))).toEqual(['1.0.0']);
    expect(await sample.providers.archives(DEMO, '1.0.0')).toHaveLength(2);
  });
});
