import { ProxyError } from '@oci-package-proxy/errors';
import type { DownloadRequest, DownloadSource, SharedDownloads } from '@oci-package-proxy/upstream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Holders } from '../ingest-port.ts';
import { sha256Of, sourceOf, startDownloads } from '../sample-downloads.contract.ts';
import { type HolderTable, InProcessHolders } from './in-process-holders.ts';
import { WithHolders } from './with-holders.ts';

const CONTENT = 'the bytes of the file';
const KEY = 'first/left/left-1.0.0.bin/sha256:00';

describe('WithHolders', () => {
  let table: HolderTable;
  let holders: InProcessHolders;
  let other: InProcessHolders;
  let inner: SharedDownloads;
  let stopDownloads: () => Promise<void>;
  let upstream: ReturnType<typeof sourceOf>;

  beforeEach(async () => {
    table = { leases: new Map(), urls: new Map() };
    holders = new InProcessHolders({ table });
    other = new InProcessHolders({ table });
    ({ downloads: inner, stop: stopDownloads } = await startDownloads());
    upstream = sourceOf('upstream', CONTENT);
  });
  afterEach(() => stopDownloads());

  function requestFor(change: Partial<DownloadRequest> = {}): DownloadRequest {
    return { key: KEY, expected: { sha256: sha256Of(CONTENT) }, subject: 'file', sources: [upstream], ...change };
  }

  function watched(calls: string[], change: Partial<Holders> = {}): Holders {
    return {
      id: holders.id,
      claim: async (key) => note('claim', () => holders.claim(key)),
      keep: async (key) => note('keep', () => holders.keep(key)),
      release: async (key) => note('release', () => holders.release(key)),
      stored: async (key) => holders.stored(key),
      holderOf: async (key) => holders.holderOf(key),
      urlOf: async (holder) => holders.urlOf(holder),
      close: async () => holders.close(),
      ...change,
    };

    async function note<T>(name: string, call: () => Promise<T>): Promise<T> {
      calls.push(name);
      return call();
    }
  }

  it('claims a file, fetches it from upstream and keeps it before the job is handed in', async () => {
    const calls: string[] = [];
    const downloads = new WithHolders(inner, watched(calls), async () => null);

    const download = await downloads.open(requestFor({ onVerified: async () => void calls.push('job') }));
    await download.finished;

    expect(calls).toEqual(['claim', 'keep', 'job']);
    expect(upstream.opened).toBe(1);
    expect(await other.holderOf(KEY)).toBe(holders.id);
  });

  it('fetches from the process that has the file, and hands the job in all the same', async () => {
    await other.claim(KEY);
    const peer = sourceOf('spool', CONTENT);
    const asked: string[] = [];
    const jobs: string[] = [];
    const downloads = new WithHolders(inner, holders, async (holder, key) => {
      asked.push(`${holder} ${key}`);
      return peer;
    });

    const download = await downloads.open(requestFor({ onVerified: async () => void jobs.push('job') }));
    await download.finished;

    expect(asked).toEqual([`${other.id} ${KEY}`]);
    expect([peer.opened, upstream.opened]).toEqual([1, 0]);
    expect(await holders.holderOf(KEY)).toBe(other.id);
    expect(jobs).toEqual(['job']);
  });

  it.each([
    ['is gone', async () => null],
    ['cannot be reached', async () => sourceOf('spool', new ProxyError('upstream-unavailable', 'refused'))],
    ['cannot be looked up', async () => Promise.reject(new Error('a defect'))],
    ['is never found', async () => new Promise<DownloadSource | null>(() => undefined)],
  ])('goes upstream when the process that had the file %s', async (_how, peer) => {
    await other.claim(KEY);

    const download = await new WithHolders(inner, holders, peer).open(requestFor());
    await download.finished;

    expect(upstream.opened).toBe(1);
  });

  it('asks again a process that has claimed the file and not begun yet', async () => {
    await other.claim(KEY);
    const ready = sourceOf('spool', CONTENT);
    let asked = 0;
    const peer: DownloadSource = {
      name: 'spool',
      open: async (at, signal) => {
        asked += 1;
        return asked < 3 ? null : ready.open(at, signal);
      },
    };

    const download = await new WithHolders(inner, holders, async () => peer).open(requestFor());
    await download.finished;

    expect([asked, ready.opened, upstream.opened]).toEqual([3, 1, 0]);
  });

  it('becomes the holder when the one before it is gone by then', async () => {
    await other.claim(KEY);
    const peer: DownloadSource = {
      name: 'spool',
      open: async () => {
        await other.close();
        return null;
      },
    };

    const download = await new WithHolders(inner, holders, async () => peer).open(requestFor());
    await download.finished;

    expect(await other.holderOf(KEY)).toBe(holders.id);
  });

  it.each([
    ['nobody has it', [sourceOf('upstream', null)], 'not-found'],
    ['upstream is down', [sourceOf('upstream', new ProxyError('upstream-unavailable', 'down'))], 'upstream-unavailable'],
    ['the bytes are wrong', [sourceOf('upstream', 'lies')], 'integrity'],
  ])('gives the claim back when %s', async (_when, sources, code) => {
    const downloads = new WithHolders(inner, holders, async () => null);

    const failing = downloads.open(requestFor({ sources })).then((download) => download.finished);

    await expect(failing).rejects.toMatchObject({ code });
    await new Promise((resolve) => setImmediate(resolve));
    expect(await other.holderOf(KEY)).toBeNull();
  });

  it('leaves the claim of another one alone when its own download fails', async () => {
    await other.claim(KEY);
    const downloads = new WithHolders(inner, holders, async () => null);

    const failing = downloads.open(requestFor({ sources: [sourceOf('upstream', null)] }));

    await expect(failing).rejects.toMatchObject({ code: 'not-found' });
    await new Promise((resolve) => setImmediate(resolve));
    expect(await holders.holderOf(KEY)).toBe(other.id);
  });

  it('asks nobody about what is in its own spool or on its way there', async () => {
    const calls: string[] = [];
    const downloads = new WithHolders(inner, watched(calls), async () => null);
    await (await downloads.open(requestFor())).finished;
    calls.length = 0;

    await (await downloads.open(requestFor())).finished;

    expect(calls).toEqual([]);
    expect(upstream.opened).toBe(1);
  });

  it.each([
    ['never answer', async () => new Promise<never>(() => undefined)],
    ['fail', async () => Promise.reject(new Error('down'))],
  ])('reads on within its budget when the holders %s', async (_how, answer) => {
    const broken = watched([], { claim: answer, keep: answer, release: answer });
    const begin = Date.now();

    const download = await new WithHolders(inner, broken, async () => null).open(requestFor());
    const tookMs = Date.now() - begin;
    await download.finished;

    expect(tookMs).toBeLessThan(600);
    expect(upstream.opened).toBe(1);
  });

  it('hands everything else on', async () => {
    const downloads = new WithHolders(inner, holders, async () => null);
    await (await downloads.open(requestFor())).finished;

    const size = await downloads.withFile(KEY, async (file) => file.size);

    expect(downloads.find(KEY)?.size).toBe(CONTENT.length);
    expect(downloads.find('another')).toBeNull();
    expect(size).toBe(CONTENT.length);
  });
});
