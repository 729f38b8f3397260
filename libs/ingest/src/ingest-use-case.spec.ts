import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { ProxyError } from '@oci-package-proxy/errors';
import { digestOf, fileBlob, LayoutRegistry, MemoryRegistry } from '@oci-package-proxy/oci';
import { Ledger, MEDIA_TYPE_PREFIX, type NewFact, type PackageRef } from '@oci-package-proxy/storage';
import type { DownloadSource, SharedDownloads, SpooledFile } from '@oci-package-proxy/upstream';
import { temporaryDirectory } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { type HolderTable, InProcessHolders } from './holders/in-process-holders.ts';
import type { IngestCodec, IngestJob, IngestPlan } from './ingest-port.ts';
import { type IngestObservation, IngestUseCase, type IngestUseCaseOptions } from './ingest-use-case.ts';
import { sha256Of, sourceOf, startDownloads } from './sample-downloads.contract.ts';
import { SILENT } from './transport/transport.contract.ts';

const CONTENT = 'the bytes of the file';
const REF: PackageRef = { ecosystem: 'first', name: 'left', repository: 'first/left' };
const JOB: IngestJob = { version: 1, ecosystem: 'first', package: 'left', file: 'left-1.0.0.bin', digest: `sha256:${sha256Of(CONTENT)}`, holder: null, at: Date.now() - 5_000 };
const KEY = `first/left/left-1.0.0.bin/${JOB.digest}`;

describe('IngestUseCase', () => {
  let ledger: Ledger;
  let downloads: SharedDownloads;
  let stopDownloads: () => Promise<void>;
  let holders: InProcessHolders;
  let frontEnd: InProcessHolders;
  let upstream: ReturnType<typeof sourceOf>;
  let observed: IngestObservation[];
  let error: ReturnType<typeof vi.fn<(fields: object, message: string) => void>>;

  beforeEach(async () => {
    ledger = new Ledger({ registry: new MemoryRegistry() });
    ({ downloads, stop: stopDownloads } = await startDownloads());
    const table: HolderTable = { leases: new Map(), urls: new Map() };
    frontEnd = new InProcessHolders({ table });
    holders = new InProcessHolders({ table });
    upstream = sourceOf('upstream', CONTENT);
    observed = [];
    error = vi.fn();
  });
  afterEach(() => stopDownloads());

  function useCase(change: { readonly plan?: Partial<IngestPlan> | null; readonly codec?: Partial<IngestCodec>; readonly options?: Partial<IngestUseCaseOptions> } = {}): IngestUseCase {
    const plan: IngestPlan = {
      ref: REF,
      tag: '1.0.0',
      key: KEY,
      expected: { sha256: sha256Of(CONTENT) },
      subject: 'file left-1.0.0.bin',
      sources: [upstream],
      build: async (file) => factOf(file),
      upstreamState: { latest: '1.0.0' },
      ...change.plan,
    };
    const codec: IngestCodec = { ecosystem: 'first', plan: async () => (change.plan === null ? null : plan), ...change.codec };
    return new IngestUseCase({
      ledger,
      downloads,
      holders,
      codecs: [codec],
      peer: async () => null,
      logger: { ...SILENT, error },
      observe: (event) => observed.push(event),
      ...change.options,
    });
  }

  it('stores what upstream has, keeps its state and lets go of the file', async () => {
    await frontEnd.claim(KEY);
    await frontEnd.keep(KEY);

    const outcome = await useCase().run(JOB);

    expect(outcome).toBe('stored');
    expect(await ledger.fact(REF, '1.0.0')).toMatchObject({ origin: 'upstream', layers: [{ digest: digestOf(CONTENT), size: CONTENT.length }] });
    expect(await ledger.upstreamState(REF)).toEqual({ latest: '1.0.0' });
    expect(await holders.holderOf(KEY)).toBeNull();
    expect(observed).toEqual([{ ecosystem: 'first', outcome: 'stored', ms: expect.any(Number), lagMs: expect.any(Number) }]);
    expect(observed[0]?.lagMs).toBeGreaterThanOrEqual(5_000);
  });

  it('does nothing twice, but finishes what a killed worker left', async () => {
    await useCase({ plan: { upstreamState: null } }).run(JOB);
    const before = await ledger.upstreamState(REF);

    const outcome = await useCase().run(JOB);

    expect([before, await ledger.upstreamState(REF)]).toEqual([null, { latest: '1.0.0' }]);
    expect(outcome).toBe('present');
    expect(upstream.opened).toBe(1);
  });

  it('stores again what storage has lost of a version', async () => {
    const directory = await temporaryDirectory('lost');
    ledger = new Ledger({ registry: new LayoutRegistry({ directory }) });
    await useCase().run(JOB);
    await rm(join(directory, REF.repository, 'blobs/sha256', sha256Of(CONTENT)));

    await useCase().run(JOB);

    const body = await ledger.open(REF, { digest: digestOf(CONTENT), size: CONTENT.length });
    expect(Buffer.concat((await body?.stream.toArray()) ?? []).toString()).toBe(CONTENT);
    await rm(directory, { recursive: true });
  });

  it('leaves what is deleted deleted, without fetching it', async () => {
    await useCase().run(JOB);
    await ledger.delete(REF, ['1.0.0'], { by: 'operator' });

    const outcome = await useCase().run(JOB);

    expect(outcome).toBe('deleted');
    expect(await ledger.fact(REF, '1.0.0')).toBeNull();
    expect(upstream.opened).toBe(1);
  });

  it.each([
    ['this version', '1.0.0'],
    ['another version', '2.0.0'],
  ])('leaves a package alone of which %s is published here', async (_what, published) => {
    await (await downloads.open({ key: 'other', expected: {}, subject: 'file', sources: [sourceOf('me', 'my own bytes')] })).finished;
    await downloads.withFile('other', async (file) => ledger.publish(REF, { ...factOf(file), tag: published, version: published }, { by: 'me' }));

    const outcome = await useCase().run(JOB);

    expect(outcome).toBe('published');
    expect(upstream.opened).toBe(0);
    expect(await ledger.upstreamState(REF)).toBeNull();
  });

  it('raises an alarm when upstream shows other bytes for a stored file, and keeps the stored ones', async () => {
    await useCase().run(JOB);
    const changed = 'other bytes';
    const digest = `sha256:${sha256Of(changed)}`;

    const outcome = await useCase({ plan: { key: digest, expected: { sha256: sha256Of(changed) }, sources: [sourceOf('upstream', changed)] } }).run({ ...JOB, digest });

    expect(outcome).toBe('pinned');
    expect(error).toHaveBeenCalledWith(expect.objectContaining({ package: 'left', file: JOB.file, digest }), expect.stringContaining('other bytes'));
    expect(observed.map((event) => event.outcome)).toEqual(['stored', 'pinned']);
    expect((await ledger.fact(REF, '1.0.0'))?.layers[0]?.digest).toBe(digestOf(CONTENT));
  });

  it.each([
    ['the job names', 'peer-1', null],
    ['the lease names', null, 'peer-1'],
    ['both name', 'peer-1', 'peer-1'],
  ])('takes the file from the holder that %s before it asks upstream', async (_who, inJob, inLease) => {
    const peer = sourceOf('spool of peer-1', CONTENT);
    const asked: string[] = [];
    holders.holderOf = async () => inLease;
    const askPeer = async (holder: string, key: string): Promise<DownloadSource> => {
      asked.push(`${holder} ${key}`);
      return peer;
    };

    const outcome = await useCase({ options: { peer: askPeer } }).run({ ...JOB, holder: inJob });

    expect(outcome).toBe('stored');
    expect(asked).toEqual([`peer-1 ${KEY}`]);
    expect([peer.opened, upstream.opened]).toEqual([1, 0]);
  });

  it.each([
    ['is gone', null],
    ['no longer has the file', sourceOf('spool', null)],
    ['does not answer', sourceOf('spool', new ProxyError('upstream-unavailable', 'spool: refused'))],
  ])('asks upstream when the holder %s', async (_how, peer) => {
    const outcome = await useCase({ options: { peer: async () => peer } }).run({ ...JOB, holder: 'peer-1' });

    expect(outcome).toBe('stored');
    expect(upstream.opened).toBe(1);
  });

  it('takes the file out of its own spool, also while it still comes in', async () => {
    const front = sourceOf('front end', CONTENT);
    await downloads.open({ key: KEY, expected: {}, subject: 'file', sources: [front] });
    const peer = vi.fn<() => Promise<null>>();

    const outcome = await useCase({ options: { peer } }).run({ ...JOB, holder: holders.id });

    expect(outcome).toBe('stored');
    expect([front.opened, upstream.opened]).toEqual([1, 0]);
    expect(peer).not.toHaveBeenCalled();
  });

  it('fetches again what was evicted before it could hold it, but not for ever', async () => {
    const withFile = vi.spyOn(downloads, 'withFile');
    withFile.mockResolvedValueOnce(null).mockResolvedValueOnce(null);
    const outcome = await useCase().run(JOB);
    withFile.mockResolvedValue(null);
    const hopeless = useCase({ plan: { tag: '2.0.0', key: 'another' } }).run(JOB);

    expect(outcome).toBe('stored');
    await expect(hopeless).rejects.toMatchObject({ code: 'internal', message: expect.stringContaining('SPOOL_MAX_BYTES') });
  });

  it.each([
    ['upstream no longer has it', null, {}, JOB, 'not-found', 'refused'],
    ['the bytes are wrong', { sources: [sourceOf('upstream', 'lies')] }, {}, JOB, 'integrity', 'refused'],
    ['upstream is down', { sources: [sourceOf('upstream', new ProxyError('upstream-unavailable', 'down'))] }, {}, JOB, 'upstream-unavailable', 'failed'],
    ['the ecosystem is unknown', {}, {}, { ...JOB, ecosystem: 'third' }, 'unsupported', 'refused'],
    ['the codec has a defect', {}, { plan: async () => Promise.reject(new TypeError('x')) }, JOB, 'internal', 'failed'],
    ['the job is newer than the worker', {}, {}, { ...JOB, version: 2 }, 'unsupported', 'refused'],
    ['the job is none', {}, {}, { version: 1, ecosystem: 'first' }, 'invalid', 'refused'],
    ['the message is empty', {}, {}, null, 'invalid', 'refused'],
  ] as const)('fails when %s', async (_when, plan, codec, job, code, outcome) => {
    const running = useCase({ plan, codec }).run(job);

    await expect(running).rejects.toMatchObject({ code });
    expect(observed.map((event) => event.outcome)).toEqual([outcome]);
    expect(await ledger.fact(REF, '1.0.0')).toBeNull();
  });

  it.each([
    ['stored', async (file: SpooledFile) => factOf(file), ['stored']],
    ['refused', async () => Promise.reject(new ProxyError('integrity', 'no archive')), 'integrity'],
  ] as const)('lets go of what was made for a fact that is %s', async (_how, build, expected) => {
    const dispose = vi.fn(async () => undefined);
    const running = useCase({ plan: { build, dispose } }).run(JOB);

    await expect(running.then((outcome) => [outcome], (failure: ProxyError) => failure.code)).resolves.toEqual(expected);
    expect(dispose).toHaveBeenCalledTimes(1);
  });

  it('does not meet a file again that it refused', async () => {
    const refused = useCase({ plan: { expected: {}, build: async () => Promise.reject(new ProxyError('integrity', 'no archive')) } }).run(JOB);
    await expect(refused).rejects.toMatchObject({ code: 'integrity' });

    const outcome = await useCase({ plan: { expected: {} } }).run(JOB);

    expect(outcome).toBe('stored');
    expect(upstream.opened).toBe(2);
  });

  it('stops when it is told to', async () => {
    const controller = new AbortController();
    const endless: DownloadSource = { name: 'upstream', open: async (_at, signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new ProxyError('aborted', 'stopped')))) };
    const running = useCase({ plan: { sources: [endless] } }).run(JOB, controller.signal);
    setTimeout(() => controller.abort(), 50);

    await expect(running).rejects.toMatchObject({ code: 'aborted' });
    expect(observed[0]?.outcome).toBe('failed');
  });

  it('has stored the file although the snapshot could not be refreshed', async () => {
    ledger.refreshSnapshot = async () => Promise.reject(new ProxyError('storage-unavailable', 'down'));

    const outcome = await useCase().run(JOB);

    expect(outcome).toBe('stored');
  });

  describe('indexes for readers that know nothing of us', () => {
    const derive: NonNullable<IngestPlan['derive']> = ({ facts }) => [{ tag: 'all', artifactType: 'application/vnd.example.index', entries: [...facts.keys()].map((fact) => ({ fact })) }];
    let registry: MemoryRegistry;

    beforeEach(() => {
      registry = new MemoryRegistry();
      ledger = new Ledger({ registry });
    });

    async function listed(): Promise<readonly unknown[] | null> {
      const stored = await registry.repository(REF.repository).readManifest('all');
      return stored === null ? null : (JSON.parse(stored.bytes.toString()) as { readonly manifests: readonly unknown[] }).manifests;
    }

    it('list what was stored', async () => {
      await useCase({ plan: { derive } }).run(JOB);

      expect(await listed()).toHaveLength(1);
    });

    it('are written by the next try when they could not be', async () => {
      const write = vi.spyOn(ledger, 'writeDerived').mockRejectedValueOnce(new ProxyError('storage-unavailable', 'down'));
      const first = useCase({ plan: { derive } }).run(JOB);
      await expect(first).rejects.toMatchObject({ code: 'storage-unavailable' });
      const between = await listed();

      const outcome = await useCase({ plan: { derive } }).run(JOB);

      expect(between).toBeNull();
      expect(outcome).toBe('present');
      expect(await listed()).toHaveLength(1);
      expect(write).toHaveBeenCalledTimes(2);
      expect(observed.map((event) => event.outcome)).toEqual(['failed', 'present']);
      expect(upstream.opened).toBe(1);
    });

    it('keep the file where it is until they are written', async () => {
      await frontEnd.claim(KEY);
      await frontEnd.keep(KEY);
      vi.spyOn(ledger, 'writeDerived').mockRejectedValueOnce(new ProxyError('storage-unavailable', 'down'));

      await expect(useCase({ plan: { derive } }).run(JOB)).rejects.toMatchObject({ code: 'storage-unavailable' });
      const kept = await holders.holderOf(KEY);
      await useCase({ plan: { derive } }).run(JOB);

      expect([kept, await holders.holderOf(KEY)]).toEqual([frontEnd.id, null]);
    });

    it('fail nothing where another try would do no better, and the rest is kept all the same', async () => {
      vi.spyOn(ledger, 'writeDerived').mockRejectedValueOnce(new ProxyError('integrity', 'damaged'));

      const outcome = await useCase({ plan: { derive } }).run(JOB);

      expect(outcome).toBe('stored');
      expect(await ledger.upstreamState(REF)).toEqual({ latest: '1.0.0' });
      expect(error).toHaveBeenCalledWith(expect.objectContaining({ package: 'left' }), expect.stringContaining('know nothing of us'));
    });

    it.each(['deleted', 'published'] as const)('are left alone for what is %s', async (outcome) => {
      const write = vi.spyOn(ledger, 'writeDerived');
      ledger.ingest = async () => outcome;

      expect(await useCase({ plan: { derive } }).run(JOB)).toBe(outcome);
      expect(write).not.toHaveBeenCalled();
    });
  });

  it('is not made with two codecs of one ecosystem', () => {
    const codec: IngestCodec = { ecosystem: 'first', plan: async () => null };

    const making = (): unknown => useCase({ options: { codecs: [codec, { ...codec }] } });

    expect(making).toThrow(expect.objectContaining({ code: 'config' }));
  });
});

function factOf(file: SpooledFile): NewFact {
  return {
    tag: '1.0.0',
    version: '1.0.0',
    artifactType: `${MEDIA_TYPE_PREFIX}first.v1`,
    document: '{}',
    documentMediaType: `${MEDIA_TYPE_PREFIX}first.v1+json`,
    layers: [{ mediaType: 'application/octet-stream', source: fileBlob(file.path, `sha256:${file.sha256}`, file.size) }],
    payload: file.sha256,
    at: '2026-01-02T03:04:05.000Z',
  };
}
