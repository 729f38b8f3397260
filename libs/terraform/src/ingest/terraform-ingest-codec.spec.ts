import { rm, writeFile } from 'node:fs/promises';

import { InProcessHolders, type IngestCodec, type IngestJob, type IngestPlan, IngestUseCase } from '@oci-package-proxy/ingest';
import { Ledger, type NewFact } from '@oci-package-proxy/storage';
import { checkProviderLayout, portOciSource, type ProviderRelease, providerRelease, signingKey, smallFile, startTerraformUpstream, temporaryDirectory, type TerraformUpstream, type TestKey } from '@oci-package-proxy/testing';
import { SharedDownloads, type SpooledFile } from '@oci-package-proxy/upstream';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { providerRef } from '../model/address.ts';
import { blockKey, OPENTOFU_TYPES, pulledTag, TERRAFORM_TYPES, yankKey } from '../model/terraform-fact.ts';
import { DEMO, LINUX, MAC, OURS, type SampleOptions, type SampleProviders, startSampleProviders } from '../read/sample-providers.contract.ts';
import { terraformIngestCodec } from './terraform-ingest-codec.ts';

const SIGNAL = new AbortController().signal;
const PACKAGE = providerRef(DEMO).name;

let key: TestKey;
let release: ProviderRelease;
let second: ProviderRelease;
let changed: ProviderRelease;
let upstream: TerraformUpstream;
let directory: string;
let samples: SampleProviders[];

beforeAll(async () => {
  key = await signingKey();
  const platforms = ['linux_amd64', 'darwin_arm64'];
  release = await providerRelease({ type: 'demo', version: '1.0.0', platforms, protocols: ['5.0', '6.0'], key });
  second = await providerRelease({ type: 'demo', version: '2.0.0', platforms, key });
  changed = await providerRelease({ type: 'demo', version: '1.0.0', platforms, key, program: () => Buffer.from('#!/bin/sh\necho changed\n') });
});

beforeEach(async () => {
  samples = [];
  directory = await temporaryDirectory('terraform-ingest');
  upstream = await startTerraformUpstream({ links: 'relative' });
  put([release]);
});

afterEach(async () => {
  await Promise.all(samples.map(async (sample) => sample.close()));
  await upstream.close();
  await rm(directory, { recursive: true, force: true });
});

function put(releases: readonly ProviderRelease[], more: Partial<Parameters<TerraformUpstream['put']>[0]> = {}): void {
  upstream.put({ namespace: 'acme', type: 'demo', releases, ...more });
}

async function start(options: Partial<SampleOptions> = {}): Promise<SampleProviders> {
  const sample = await startSampleProviders({ upstreamUrl: upstream.url, ...options });
  samples.push(sample);
  return sample;
}

function codecOf({ hosts, ledger, registries }: SampleProviders): IngestCodec {
  return terraformIngestCodec({ hosts, ledger, registries, directory });
}

function jobOf(job: Partial<IngestJob> = {}): IngestJob {
  return { version: 1, ecosystem: 'terraform', package: PACKAGE, file: '1.0.0/linux_amd64', digest: `sha256:${archiveOf(release).sha256}`, holder: null, at: 0, ...job };
}

async function plan(sample: SampleProviders, job: Partial<IngestJob> = {}): Promise<IngestPlan | null> {
  return codecOf(sample).plan(jobOf(job), SIGNAL);
}

function archiveOf({ archives }: ProviderRelease, platform = 'linux_amd64'): ProviderRelease['archives'][number] {
  const archive = archives.find((one) => one.platform === platform);
  if (archive === undefined) {
    throw new Error(`no ${platform}`);
  }
  return archive;
}

async function spooled({ filename, sha256, size, pieces }: ProviderRelease['files'][number]): Promise<SpooledFile> {
  const path = `${directory}/${filename}`;
  await writeFile(path, Buffer.concat([...pieces()]));
  return { path, size, sha256, sha512: '', sha1: '', md5: '' };
}

async function built(sample: SampleProviders, of: ProviderRelease = release, job: Partial<IngestJob> = {}): Promise<NewFact | undefined> {
  return (await plan(sample, job))?.build(await spooled(archiveOf(of)));
}

async function layoutOf({ registry }: SampleProviders): ReturnType<typeof checkProviderLayout> {
  return checkProviderLayout(portOciSource(registry.repository(providerRef(DEMO).repository)));
}

describe('the plan of a platform', () => {
  it('is a fact that OpenTofu can read, with all that vouches for it', async () => {
    const sample = await start();
    put([release], { warnings: ['moved'], trustSignature: 'partner', source: 'Acme' });

    const planned = await plan(sample);
    const fact = await planned?.build(await spooled(archiveOf(release)));

    expect(planned).toMatchObject({
      ref: providerRef(DEMO),
      tag: pulledTag('1.0.0', LINUX),
      key: `terraform/${PACKAGE}/1.0.0/linux_amd64/sha256:${archiveOf(release).sha256}`,
      expected: { sha256: archiveOf(release).sha256 },
      upstreamState: { withdrawn: [], warnings: ['moved'] },
    });
    expect(fact).toMatchObject({ tag: '_p.linux_amd64.1.0.0', version: '1.0.0', artifactType: OPENTOFU_TYPES.target, payload: `sha256:${archiveOf(release).sha256}`, at: '1970-01-01T00:00:00.000Z' });
    const { filename, sha256, size, h1, h1OfZip } = archiveOf(release);
    expect(JSON.parse(fact?.document ?? '')).toEqual({
      version: '1.0.0',
      protocols: ['5.0', '6.0'],
      archive: { platform: LINUX, filename, sha256, size, h1, h1OfZip },
      keys: [{ keyId: key.keyId, asciiArmor: key.publicKey, trustSignature: 'partner', source: 'Acme', sourceUrl: '' }],
    });
    expect(fact?.layers.map(({ mediaType, source }) => [mediaType, source.digest])).toEqual([
      [OPENTOFU_TYPES.archive, `sha256:${sha256}`],
      [TERRAFORM_TYPES.sums, `sha256:${release.sums.sha256}`],
      [TERRAFORM_TYPES.signature, `sha256:${release.signature?.sha256}`],
      [TERRAFORM_TYPES.manifest, `sha256:${release.manifest?.sha256}`],
    ]);
  });

  it('makes the same fact, whoever makes it', async () => {
    const facts = await Promise.all([start(), start()].map(async (sample) => built(await sample)));

    expect(facts[0]?.document).toBe(facts[1]?.document);
    expect(facts[0]?.layers.map(({ source }) => source.digest)).toEqual(facts[1]?.layers.map(({ source }) => source.digest));
  });

  it.each([
    ['is not there', /_manifest\.json$/, { status: 404 }],
    ['is another file', /_manifest\.json$/, { status: 200, body: '{}' }],
    ['cannot be had', /_manifest\.json$/, { status: 500 }],
  ] as const)('does without a manifest that %s', async (_, path, how) => {
    upstream.fail(path, how);

    const fact = await built(await start());

    expect(fact?.layers.map(({ mediaType }) => mediaType)).not.toContain(TERRAFORM_TYPES.manifest);
    expect(fact?.layers).toHaveLength(3);
  });

  it('stores what its publisher vouches for, though it is no zip', async () => {
    const odd = smallFile('terraform-provider-demo_1.0.0_linux_amd64.zip', Buffer.from('no zip'));
    const signed = await providerRelease({ type: 'demo', version: '1.0.0', key, archives: [{ ...odd, platform: 'linux_amd64', h1: '', h1OfZip: '' }] });
    put([signed]);

    const fact = await built(await start(), signed, { digest: `sha256:${odd.sha256}` });

    expect(JSON.parse(fact?.document ?? '')).toMatchObject({ archive: { sha256: odd.sha256, h1: null, h1OfZip: null } });
  });

  it('asks upstream again before it says that other bytes were fetched than are announced', async () => {
    const sample = await start({ ttlMs: 60_000 });
    const codec = codecOf(sample);
    const newer = jobOf({ digest: `sha256:${archiveOf(changed).sha256}` });
    await expect(codec.plan(newer, SIGNAL)).rejects.toMatchObject({ code: 'integrity' });
    upstream.mode = 'error';
    await expect(codec.plan(newer, SIGNAL)).rejects.toMatchObject({ code: 'upstream-unavailable' });
    upstream.mode = 'up';
    put([changed]);

    expect(await codec.plan(newer, SIGNAL)).toMatchObject({ expected: { sha256: archiveOf(changed).sha256 } });
  });

  it.each([
    ['no digest', { digest: 'crc:1' }, {}, 'invalid'],
    ['no platform', { file: '1.0.0' }, {}, 'invalid'],
    ['no version', { file: 'latest/linux_amd64' }, {}, 'invalid'],
    ['no provider', { package: 'providers/registry.example.com/acme' }, {}, 'invalid'],
    ['no version of a module', { package: 'modules/registry.example.com/acme/net/aws', file: 'latest' }, {}, 'invalid'],
    ['nothing that is known', { package: 'keys/registry.example.com/acme' }, {}, 'invalid'],
    ['a private name', {}, { privateNames: ['providers/registry.example.com/acme/**'] }, 'policy'],
    ['a host that is not pulled through', { package: 'providers/other.example.com/acme/demo' }, {}, 'not-found'],
    ['the own host', { package: providerRef(OURS).name }, {}, 'not-found'],
    ['no upstream', {}, { upstreamUrl: null }, 'not-found'],
  ] as const)('fails for good: %s', async (_, job, options, code) => {
    await expect(plan(await start(options), job)).rejects.toMatchObject({ code });
    expect(upstream.requests).toEqual([]);
  });

  it('fails for good for what is published, though the list from before says otherwise', async () => {
    const stored = new Map();
    const [writer, worker] = [await start({ stored }), await start({ stored })];
    await worker.ledger.fold(providerRef(DEMO));
    await writer.ledger.decideOrigin(providerRef(DEMO), 'published');

    await expect(plan(worker)).rejects.toMatchObject({ code: 'policy' });
    expect(upstream.requests).toEqual([]);
  });

  it('says that upstream no longer has it, and is tried again when upstream fails or does not fit together', async () => {
    const sample = await start();
    expect(await plan(sample, { file: '1.0.0/plan9_arm' })).toBeNull();
    upstream.fail(/SHA256SUMS\.sig$/, { status: 200, body: 'x' }, 2);
    await expect(plan(sample)).rejects.toMatchObject({ code: 'upstream-unavailable' });
    upstream.mode = 'error';
    await expect(plan(sample)).rejects.toMatchObject({ code: 'upstream-unavailable' });
  });
});

describe('what was stored', () => {
  async function pull(sample: SampleProviders, version = '1.0.0', platform = LINUX): Promise<readonly string[]> {
    await sample.install(DEMO, version, platform);
    return sample.ingest();
  }

  it('is a version that OpenTofu installs without us, on every platform that is held', async () => {
    const sample = await start();
    put([release, second]);

    const outcomes = [await pull(sample), await pull(sample, '1.0.0', MAC), await pull(sample, '2.0.0')];
    const { versions, violations } = await layoutOf(sample);

    expect(outcomes).toEqual([['stored'], ['stored'], ['stored']]);
    expect(violations).toEqual([]);
    expect(versions).toEqual({ '1.0.0': ['darwin_arm64', 'linux_amd64'], '2.0.0': ['linux_amd64'] });
  });

  it('is complete when two workers store two platforms at once', async () => {
    const sample = await start();
    await Promise.all([LINUX, MAC].map(async (platform) => sample.install(DEMO, '1.0.0', platform)));
    const jobs = sample.jobs.splice(0);
    const workers = await Promise.all(jobs.map(async () => start({ stored: sample.stored })));

    const outcomes = await Promise.all(workers.map(async (worker, index) => workerOf(worker, jobs[index] ?? jobOf())));
    const { versions, violations } = await layoutOf(sample);

    expect(outcomes).toEqual(['stored', 'stored']);
    expect(violations).toEqual([]);
    expect(versions).toEqual({ '1.0.0': ['darwin_arm64', 'linux_amd64'] });
  });

  async function workerOf({ hosts, registries, registry }: SampleProviders, job: IngestJob): Promise<string> {
    // A process of its own: nothing is shared but the registry.
    const ledger = new Ledger({ registry });
    const downloads = new SharedDownloads({ directory: `${directory}/spool`, maxBytes: 2 ** 28 });
    const holders = new InProcessHolders();
    const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
    const useCase = new IngestUseCase({ ledger, downloads, holders, codecs: [terraformIngestCodec({ hosts, ledger, registries, directory })], peer: async () => Promise.resolve(null), logger });
    try {
      return await useCase.run(job);
    } finally {
      await downloads.close();
      await holders.close();
    }
  }

  it('stays the first bytes when upstream announces others, though a replica fetched those', async () => {
    const sample = await start();
    await pull(sample);
    put([changed]);
    sample.jobs.push(jobOf({ digest: `sha256:${archiveOf(changed).sha256}` }));

    expect(await sample.ingest()).toEqual(['pinned']);
    expect((await sample.providers.package(DEMO, '1.0.0', LINUX))?.archive.sha256).toBe(archiveOf(release).sha256);
    expect(sample.log.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  it('is present to a worker that sees other keys', async () => {
    const sample = await start();
    await pull(sample);
    const more = await signingKey();
    put([release], { keys: [{ key_id: key.keyId, ascii_armor: key.publicKey }, { key_id: more.keyId, ascii_armor: more.publicKey }] });
    sample.jobs.push(jobOf());

    expect(await sample.ingest()).toEqual(['present']);
    expect((await sample.providers.package(DEMO, '1.0.0', LINUX))?.keys).toHaveLength(1);
  });

  it('has its state rewritten when upstream has taken it back', async () => {
    const sample = await start();
    put([release, second], { warnings: ['old'] });
    await pull(sample);
    await pull(sample, '2.0.0');
    put([second], { warnings: [] });
    sample.jobs.push(jobOf());

    expect(await sample.ingest()).toEqual(['present']);
    expect(await sample.ledger.upstreamState(providerRef(DEMO))).toEqual({ withdrawn: ['1.0.0'], warnings: [] });
  });

  it('keeps its state while upstream does not list, also where a worker has an older list', async () => {
    const stored = new Map();
    const [sample, other] = [await start({ stored }), await start({ stored })];
    put([release], { warnings: ['old'] });
    await pull(sample);
    put([release], { warnings: ['new'] });
    await pull(other, '1.0.0', MAC);
    upstream.fail(/versions$/, { status: 500 });
    sample.jobs.push(jobOf());
    const planned = await plan(await start({ stored }));

    expect(planned?.upstreamState).toBeNull();
    expect(await sample.ingest()).toEqual(['present']);
    expect(await sample.ledger.upstreamState(providerRef(DEMO))).toEqual({ withdrawn: [], warnings: ['new'] });
  });

  it('does not come back once it was deleted, and is left out of the version', async () => {
    const sample = await start();
    await pull(sample);
    await pull(sample, '1.0.0', MAC);
    await sample.ledger.delete(providerRef(DEMO), [pulledTag('1.0.0', LINUX)], { by: 'carol' });
    const mac = jobOf({ file: '1.0.0/darwin_arm64', digest: `sha256:${archiveOf(release, 'darwin_arm64').sha256}` });
    sample.jobs.push(jobOf(), mac);

    expect(await sample.ingest()).toEqual(['deleted', 'present']);
    expect((await layoutOf(sample)).versions).toEqual({ '1.0.0': ['darwin_arm64'] });
  });

  it.each([[yankKey('1.0.0'), ['linux_amd64']], [blockKey('1.0.0'), undefined]])('is for OpenTofu without us what operators made of it: %s', async (mark, platforms) => {
    const sample = await start();
    await pull(sample);
    await sample.record(DEMO, mark, 'why');
    sample.jobs.push(jobOf());

    expect(await sample.ingest()).toEqual(['present']);
    expect((await layoutOf(sample)).versions['1.0.0']).toEqual(platforms);
  });

  it('has no index where its tag could not be read as a version', async () => {
    const version = `1.0.0-${'a'.repeat(150)}`;
    const long = await providerRelease({ type: 'demo', version, key });
    const sample = await start();
    put([long]);

    expect(await pull(sample, version)).toEqual(['stored']);
    expect((await layoutOf(sample)).versions).toEqual({});
    expect(pulledTag(version, LINUX)).toMatch(/^_p\.linux_amd64\._h\.[0-9a-f]{64}$/);
    expect((await sample.providers.package(DEMO, version, LINUX))?.archive.sha256).toBe(archiveOf(long).sha256);
  });
});
