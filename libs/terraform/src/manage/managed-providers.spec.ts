import { ProxyError } from '@oci-package-proxy/errors';
import { type ProviderRelease, providerRelease, signingKey, startTerraformUpstream, type TerraformUpstream, type TestKey } from '@oci-package-proxy/testing';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { NamespaceKeys } from '../keys/namespace-keys.ts';
import { providerRef } from '../model/address.ts';
import { blockKey, pulledTag, yankKey } from '../model/terraform-fact.ts';
import { DEMO, HOST, LINUX, MAC, OURS, OWN, type SampleOptions, type SampleProviders, startSampleProviders } from '../read/sample-providers.contract.ts';
import type { ManagedPackage } from './managed-package.ts';
import { createManagement, type Management } from './management.ts';

const BY = { by: 'carol' };
const PULLED: ManagedPackage = { kind: 'provider', address: DEMO };
const PUBLISHED: ManagedPackage = { kind: 'provider', address: OURS };

let key: TestKey;
let first: ProviderRelease;
let second: ProviderRelease;
let upstream: TerraformUpstream;
let sample: SampleProviders;
let management: Management;
const samples: SampleProviders[] = [];

beforeAll(async () => {
  key = await signingKey();
  [first, second] = await Promise.all([releaseOf('1.0.0'), releaseOf('2.0.0')]);
});
beforeEach(async () => {
  upstream = await startTerraformUpstream({ links: 'relative' });
  upstream.put({ namespace: 'acme', type: 'demo', releases: [first, second] });
  await start();
});
afterEach(async () => {
  await Promise.all(samples.splice(0).map(async (one) => one.close()));
  await upstream.close();
});

async function releaseOf(version: string): Promise<ProviderRelease> {
  return providerRelease({ type: 'demo', version, platforms: ['linux_amd64', 'darwin_arm64'], key });
}

async function start(options: Partial<SampleOptions> = {}): Promise<void> {
  sample = await startSampleProviders({ upstreamUrl: upstream.url, ...options });
  samples.push(sample);
  management = manageOf(sample);
}

function manageOf({ ledger, hosts, registries }: SampleProviders): Management {
  return createManagement({ ledger, hosts, registries, keys: new NamespaceKeys({ ledger, own: hosts.own }), patienceMs: 500 });
}

async function hold(version = '1.0.0', platform = LINUX): Promise<void> {
  await sample.install(DEMO, version, platform);
  expect(await sample.ingest()).toEqual(['stored']);
}

async function listed(address = DEMO): Promise<readonly string[] | null> {
  return (await sample.providers.versions(address, { fresh: true }))?.versions.map(({ version }) => version).toSorted() ?? null;
}

async function nativeTag(version = '1.0.0'): Promise<string | null> {
  return sample.registry.repository(providerRef(DEMO).repository).statManifest(version);
}

describe('yanks', () => {
  it.each([
    ['published here', PUBLISHED, OURS],
    ['pulled through', PULLED, DEMO],
  ])('hide a version that is %s, until they are taken back', async (_what, managed, address) => {
    await sample.publish(OURS, first);
    await sample.publish(OURS, second);

    const yanked = await management.yanks.yank(managed, '1.0.0', { ...BY, reason: 'broken' });

    const name = `${address.host}/acme/demo`;
    expect(yanked).toEqual({ name, version: '1.0.0', yanked: 'broken', changed: true });
    expect(await listed(address)).toEqual(['2.0.0']);
    expect((await sample.providers.versions(address))?.warnings.join()).toContain('broken');
    expect(await sample.install(address, '1.0.0')).not.toBeNull();
    expect(await management.yanks.yank(managed, '1.0.0', { ...BY, reason: 'broken' })).toMatchObject({ changed: false });
    expect(await management.yanks.unyank(managed, '1.0.0', BY)).toEqual({ name, version: '1.0.0', yanked: null, changed: true });
    expect(await management.yanks.unyank(managed, '1.0.0', BY)).toMatchObject({ changed: false });
    expect(await listed(address)).toEqual(['1.0.0', '2.0.0']);
  });

  it('mean a version however it is written', async () => {
    expect(await management.yanks.yank(PULLED, '1.0', { ...BY, reason: '' })).toMatchObject({ version: '1.0.0', yanked: '' });
    expect(await listed()).toEqual(['2.0.0']);
  });

  it('take a version that only upstream can know as it is while that is down', async () => {
    upstream.mode = 'error';

    expect(await management.yanks.yank(PULLED, '3.0.0', { ...BY, reason: '' })).toMatchObject({ changed: true });
  });

  it.each([
    ['a version that is nowhere', PULLED, '3.0.0', '', 'not-found'],
    ['a version that was not published', PUBLISHED, '1.0.0', '', 'not-found'],
    ['what is no version', PULLED, 'v1.0.0', '', 'invalid'],
    ['a reason of two lines', PULLED, '1.0.0', 'a\nb', 'invalid'],
    ['a reason that nobody reads', PULLED, '1.0.0', 'x'.repeat(1001), 'invalid'],
  ])('are not for %s', async (_what, managed, version, reason, code) => {
    await expect(management.yanks.yank(managed, version, { ...BY, reason })).rejects.toMatchObject({ code });
    expect((await sample.ledger.fold(providerRef(managed.kind === 'provider' ? managed.address : DEMO))).values.has(yankKey(version))).toBe(false);
  });
});

describe('the deletion of what was published', () => {
  beforeEach(async () => {
    await sample.publish(OURS, first);
    await sample.publish(OURS, second);
  });

  it('is for good', async () => {
    expect(await management.removals.version(PUBLISHED, '1.0.0', BY)).toEqual({ name: `${OWN}/acme/demo`, removed: ['1.0.0'], blocked: null, warnings: [] });

    expect(await listed(OURS)).toEqual(['2.0.0']);
    expect(await sample.install(OURS, '1.0.0')).toBeNull();
    await expect(sample.publish(OURS, first)).rejects.toMatchObject({ code: 'conflict' });
    expect(await management.removals.version(PUBLISHED, '1.0.0', BY)).toMatchObject({ removed: [] });
  });

  it('is for a whole provider too', async () => {
    expect(await management.removals.all(PUBLISHED, BY)).toMatchObject({ removed: ['2.0.0', '1.0.0'], blocked: null });
    expect(await listed(OURS)).toBeNull();
    expect(await management.removals.all(PUBLISHED, BY)).toMatchObject({ removed: [] });
  });

  it.each([['a version that is not there', '3.0.0', 'not-found'], ['what is no version', 'latest', 'invalid']])('refuses %s', async (_what, version, code) => {
    await expect(management.removals.version(PUBLISHED, version, BY)).rejects.toMatchObject({ code });
  });

  it('refuses a provider that is not there', async () => {
    await expect(management.removals.all({ kind: 'provider', address: { ...OURS, type: 'other' } }, BY)).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('the deletion of what is pulled through', () => {
  it('takes what is held, and keeps the rest away', async () => {
    await hold();
    await hold('2.0.0');
    const [before, other] = [await nativeTag(), await nativeTag('2.0.0')];

    expect(await management.removals.version(PULLED, '1.0.0', BY)).toEqual({ name: `${HOST}/acme/demo`, removed: ['1.0.0'], blocked: 'version', warnings: [] });

    expect([before, other]).toEqual([expect.any(String), expect.any(String)]);
    expect([await nativeTag(), await nativeTag('2.0.0')]).toEqual([null, other]);
    expect(await listed()).toEqual(['2.0.0']);
    expect([await sample.install(DEMO, '1.0.0'), await sample.install(DEMO, '1.0.0', MAC)]).toEqual([null, null]);
    expect([...(await sample.ledger.fold(providerRef(DEMO))).facts.keys()]).toEqual([pulledTag('2.0.0', LINUX)]);
    expect(await management.removals.version(PULLED, '1.0.0', BY)).toMatchObject({ removed: [], blocked: 'version' });
  });

  it('keeps away what was never stored, also while upstream is down', async () => {
    expect(await management.removals.version(PULLED, '1.0.0', BY)).toMatchObject({ removed: ['1.0.0'], blocked: 'version' });
    upstream.mode = 'error';
    expect(await management.removals.version(PULLED, '9.0.0', BY)).toMatchObject({ removed: ['9.0.0'], blocked: 'version' });
    upstream.mode = 'up';

    expect(await listed()).toEqual(['2.0.0']);
    expect(await sample.install(DEMO, '1.0.0')).toBeNull();
  });

  it('takes back nothing of a file that comes in meanwhile', async () => {
    await sample.install(DEMO, '1.0.0');
    await management.removals.version(PULLED, '1.0.0', BY);

    await sample.ingest().catch(() => undefined);

    expect(await nativeTag()).toBeNull();
    expect(await listed()).toEqual(['2.0.0']);
    await management.removals.version(PULLED, '1.0.0', BY);
    expect((await sample.ledger.fold(providerRef(DEMO))).facts.size).toBe(0);
  });

  it('is for a whole provider too, with what upstream adds later', async () => {
    await hold();

    expect(await management.removals.all(PULLED, BY)).toMatchObject({ removed: ['2.0.0', '1.0.0'], blocked: 'package' });

    upstream.put({ namespace: 'acme', type: 'demo', releases: [first, second, await providerRelease({ type: 'demo', version: '3.0.0', platforms: ['linux_amd64'], key })] });
    expect(await listed()).toEqual([]);
    expect(await sample.install(DEMO, '3.0.0')).toBeNull();
    expect(await nativeTag()).toBeNull();
    expect(await management.removals.all(PULLED, BY)).toMatchObject({ removed: [], blocked: 'package' });
    expect(await management.removals.version(PULLED, '1.0.0', BY)).toMatchObject({ removed: [], blocked: 'package' });
  });

  it('can be gone on with where it broke off', async () => {
    await hold();
    vi.spyOn(sample.ledger, 'writeDerived').mockRejectedValueOnce(new ProxyError('storage-unavailable', 'down'));
    await expect(management.removals.all(PULLED, BY)).rejects.toMatchObject({ code: 'storage-unavailable' });
    const between = await listed();

    expect(await management.removals.all(PULLED, BY)).toMatchObject({ removed: ['1.0.0'] });

    expect(between).toEqual([]);
    expect(await nativeTag()).toBeNull();
    expect((await sample.ledger.fold(providerRef(DEMO))).facts.size).toBe(0);
  });

  it('says where readers of the registry itself still find it', async () => {
    await hold();
    vi.spyOn(sample.ledger, 'writeDerived').mockResolvedValueOnce('unsupported');

    const { warnings } = await management.removals.version(PULLED, '1.0.0', BY);

    expect(warnings).toEqual([expect.stringContaining(providerRef(DEMO).repository)]);
  });

  it('refuses a version that is nowhere, and a host that is not pulled through', async () => {
    await expect(management.removals.version(PULLED, '3.0.0', BY)).rejects.toMatchObject({ code: 'not-found' });
    await expect(management.removals.version({ kind: 'provider', address: { ...DEMO, host: 'other.example.com' } }, '1.0.0', BY)).rejects.toMatchObject({ code: 'not-found' });
    await expect(management.removals.all({ kind: 'provider', address: { ...DEMO, type: 'other' } }, BY)).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('blocks that are taken back', () => {
  it('let a version come from upstream again, but for the files that were held', async () => {
    await hold();
    await management.removals.version(PULLED, '1.0.0', BY);

    expect(await management.removals.unblock(PULLED, '1.0.0', BY)).toEqual({ name: `${HOST}/acme/demo`, version: '1.0.0', changed: true });

    expect([await sample.install(DEMO, '1.0.0'), (await sample.install(DEMO, '1.0.0', MAC)) === null]).toEqual([null, false]);
    expect(await management.removals.unblock(PULLED, '1.0.0', BY)).toMatchObject({ changed: false });
  });

  it('are those of a version or those of all', async () => {
    await management.removals.version(PULLED, '1.0.0', BY);
    await management.removals.all(PULLED, BY);

    await expect(management.removals.unblock(PULLED, '1.0.0', BY)).rejects.toMatchObject({ code: 'conflict' });
    expect(await management.removals.unblock(PULLED, null, BY)).toEqual({ name: `${HOST}/acme/demo`, version: null, changed: true });
    expect(await listed()).toEqual(['2.0.0']);
  });
});

describe('the state', () => {
  it('of what is published tells versions, yanks and keys', async () => {
    await sample.publish(OURS, first);
    await sample.publish(OURS, second);
    await management.keys.add('acme', key.publicKey, BY);
    await management.yanks.yank(PUBLISHED, '2.0.0', { ...BY, reason: 'old' });
    await management.removals.version(PUBLISHED, '1.0.0', BY);

    const [mac, linux] = ['darwin_arm64', 'linux_amd64'].map((platform) => second.archives.find((archive) => archive.platform === platform));
    expect(await management.states.get(PUBLISHED)).toEqual({
      kind: 'provider',
      name: `${OWN}/acme/demo`,
      origin: 'published',
      versions: [
        {
          version: '2.0.0',
          origin: 'published',
          held: true,
          yanked: 'old',
          at: '2026-01-02T03:04:05.000Z',
          files: [mac, linux].map((archive) => ({ platform: archive?.platform, sha256: archive?.sha256, size: archive?.size })),
          listed: [],
          keys: [key.keyId],
        },
      ],
      blocked: [],
      deleted: 1,
      upstream: null,
      keys: await management.keys.list('acme'),
    });
  });

  it('of what is pulled through tells what is held, listed and blocked', async () => {
    await hold();
    await sample.record(DEMO, blockKey('0.9.0'), '');

    const state = await management.states.get(PULLED);

    expect(state).toMatchObject({ origin: 'upstream', blocked: ['0.9.0'], deleted: 0, upstream: { host: HOST, failure: null }, keys: [] });
    expect(state.versions).toMatchObject([
      { version: '2.0.0', held: false, origin: 'upstream', files: [], listed: ['darwin_arm64', 'linux_amd64'], keys: [] },
      { version: '1.0.0', held: true, origin: 'upstream', files: [{ platform: 'linux_amd64' }], listed: ['darwin_arm64'], keys: [key.keyId] },
    ]);
  });

  it('tells why upstream cannot be asked', async () => {
    await hold();
    upstream.mode = 'error';
    const later = await startSampleProviders({ upstreamUrl: upstream.url, stored: sample.stored });
    samples.push(later);

    const state = await manageOf(later).states.get(PULLED);

    expect(state.versions.map(({ version }) => version)).toEqual(['1.0.0']);
    expect(state.upstream).toEqual({ host: HOST, failure: expect.any(String) as string });
    await expect(manageOf(later).states.get({ kind: 'provider', address: { ...DEMO, type: 'other' } })).rejects.toMatchObject({ code: 'upstream-unavailable' });
  });

  it('is not there for what is nowhere', async () => {
    await expect(management.states.get({ kind: 'provider', address: { ...DEMO, type: 'other' } })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('tells a private name to no upstream', async () => {
    await start({ privateNames: [providerRef(DEMO).name] });
    const before = upstream.requests.length;

    await expect(management.states.get(PULLED)).rejects.toMatchObject({ code: 'not-found' });
    expect(upstream.requests.slice(before)).toEqual([]);
  });
});
