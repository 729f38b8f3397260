import { createHash } from 'node:crypto';

import { type PackageFile, type PypiUpstream, type PypiUpstreamFile, startPypiUpstream, wheelFile } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { mainRef, upstreamRef } from '../model/holdings.ts';
import { bytesOf, type SampleOptions, type SampleProjects, startSampleProjects, wheel } from './sample-projects.contract.ts';

const NAME = 'left-pad';
const FILE = wheel(NAME);
const BIG = wheelFile({ name: NAME, version: '3.0', padding: 400_000 });
const OTHER = wheel(NAME, '1.0', ['Summary: other']);
const SIGNAL = new AbortController().signal;

let upstream: PypiUpstream;
let samples: SampleProjects[];

beforeEach(async () => {
  samples = [];
  upstream = await startPypiUpstream([{ name: NAME, files: [{ file: FILE }, { file: BIG }] }], { links: 'absolute' });
});

afterEach(async () => {
  await Promise.all(samples.map(async (sample) => sample.close()));
  await upstream.close();
});

async function start(options: Partial<SampleOptions> = {}): Promise<SampleProjects> {
  const sample = await startSampleProjects({ defaultUrl: upstream.url, ...options });
  samples.push(sample);
  return sample;
}

function fetches(file: PackageFile): number {
  return upstream.requests.filter((path) => path === `/files/${file.filename}`).length;
}

describe('a file that is not stored yet', () => {
  it('is fetched once for all who want it, and handed in once', async () => {
    const sample = await start();

    const all = await Promise.all(Array.from({ length: 20 }, async () => sample.bytes(NAME, BIG.filename)));

    expect(new Set(all.map((bytes) => bytes?.equals(BIG.bytes)))).toEqual(new Set([true]));
    expect(fetches(BIG)).toBe(1);
    expect(sample.jobs).toMatchObject([{ version: 1, ecosystem: 'pypi', package: NAME, file: BIG.filename, digest: `sha256:${BIG.sha256}`, holder: 'spec-holder' }]);
  });

  it('is named alike before and after it is stored, and serves its parts', async () => {
    const sample = await start();
    const miss = await sample.projects.file(sample.index, NAME, BIG.filename);
    const end = await bytesOf(await miss!.open({ start: 300_000, end: BIG.bytes.length - 1 }, SIGNAL));
    const outcomes = await sample.ingest();
    const hit = await sample.projects.file(sample.index, NAME, BIG.filename);
    const part = await bytesOf(await hit!.open({ start: 10, end: 19 }, SIGNAL));

    expect(outcomes).toEqual(['stored']);
    expect(miss).toMatchObject({ cache: 'miss', version: '3.0', etag: `sha256:${BIG.sha256}`, size: BIG.bytes.length });
    expect(hit).toMatchObject({ cache: 'hit', version: '3.0', etag: `sha256:${BIG.sha256}`, size: BIG.bytes.length });
    expect(end).toEqual(BIG.bytes.subarray(300_000));
    expect(part).toEqual(BIG.bytes.subarray(10, 20));
    expect(fetches(BIG)).toBe(1);
  });

  it('is not begun before it is opened, and tells its size once it has begun', async () => {
    upstream.put({ name: NAME, files: [{ file: BIG, size: null }] });
    const sample = await start();
    const file = await sample.projects.file(sample.index, NAME, BIG.filename);
    const before = fetches(BIG);
    const started = await file!.start(SIGNAL);

    expect([before, file?.size]).toEqual([0, null]);
    expect(started.size).toBe(BIG.bytes.length);
    expect(await bytesOf(await started.open(undefined, SIGNAL))).toEqual(BIG.bytes);
  });

  it.each([
    ['wrong bytes', { fault: 'wrong-bytes' }, 'integrity'],
    ['another size than its page says', { size: 5 }, 'integrity'],
    ['an early end', { fault: 'truncated' }, 'upstream-unavailable'],
  ] as const)('is cut off and never stored with %s', async (_, fault, code) => {
    upstream.put({ name: NAME, files: [{ file: BIG, ...fault }] });
    const sample = await start();

    await expect(sample.bytes(NAME, BIG.filename)).rejects.toMatchObject({ code });
    expect(sample.jobs).toEqual([]);
  });

  it('is served though the queue takes no job, and handed in when it is asked for again', async () => {
    const sample = await start({ queueFails: true });

    expect(await sample.bytes(NAME, FILE.filename)).toEqual(FILE.bytes);
    await expect.poll(() => sample.log.map(({ message }) => message)).toEqual(['an ingest job could not be handed in; the file is stored when it is asked for again']);
  });

  it('is handed in again when it is asked for again and still is not stored', async () => {
    const now = performance.now.bind(performance);
    const options = { queueFails: true };
    const sample = await startSampleProjects(Object.assign(options, { defaultUrl: upstream.url }));
    samples.push(sample);
    await sample.bytes(NAME, FILE.filename);
    await expect.poll(() => sample.log).toHaveLength(1);
    options.queueFails = false;

    await sample.bytes(NAME, FILE.filename);
    const atOnce = sample.jobs.length;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + 10_000);
    await sample.bytes(NAME, FILE.filename);
    await sample.bytes(NAME, FILE.filename);
    await expect.poll(() => sample.jobs).toHaveLength(1);
    clock.mockRestore();

    expect(atOnce).toBe(0);
    expect(await sample.ingest()).toEqual(['stored']);
    expect(fetches(FILE)).toBe(1);
  });

  it('is fetched from another upstream under its name', async () => {
    const other = await startPypiUpstream([{ name: NAME, files: [{ file: OTHER }] }], { links: 'relative', base: '' });
    const sample = await start({ upstreams: { other: other.url }, indexes: { default: { upstreams: ['other'] } } });

    const bytes = await sample.bytes(NAME, OTHER.filename);
    const [job] = sample.jobs;
    const outcomes = await sample.ingest();
    const fetched = other.requests.filter((path) => path.endsWith('.whl')).length;
    await other.close();

    expect([bytes, job?.package, outcomes, fetched]).toEqual([OTHER.bytes, `other/${NAME}`, ['stored'], 1]);
    expect((await sample.ledger.fold(upstreamRef('other', NAME))).facts.size).toBe(1);
    expect(await sample.bytes(NAME, OTHER.filename)).toEqual(OTHER.bytes);
  });
});

describe('a file with poor digests', () => {
  const CASES: readonly [string, Partial<PypiUpstreamFile>, string][] = [
    ['none at all', { hashes: {} }, `sha256:${FILE.sha256}`],
    ['one that nobody here computes', { hashes: { blake2b_256: 'a'.repeat(64) } }, `sha256:${FILE.sha256}`],
    ['md5', { hashes: { md5: hash('md5') } }, `md5:${hash('md5')}`],
    ['sha512', { hashes: { sha512: hash('sha512'), md5: hash('md5') } }, `sha512:${hash('sha512')}`],
  ];

  it.each(CASES)('is checked by what there is, stored and pinned: %s', async (_, said, digest) => {
    upstream.put({ name: NAME, files: [{ file: FILE, ...said }] });
    const sample = await start();

    const before = await (await sample.projects.file(sample.index, NAME, FILE.filename))!.start(SIGNAL);
    const bytes = await bytesOf(await before.open(undefined, SIGNAL));
    const { jobs } = sample;
    const job = jobs[0];
    const outcomes = await sample.ingest();
    const after = await sample.projects.file(sample.index, NAME, FILE.filename);
    const page = await sample.page(NAME);

    expect(bytes).toEqual(FILE.bytes);
    expect(job?.digest).toBe(digest);
    expect(outcomes).toEqual(['stored']);
    expect(fetches(FILE)).toBe(1);
    expect(before.etag).toBe(digest);
    expect(after).toMatchObject({ cache: 'hit', etag: `sha256:${FILE.sha256}` });
    expect(page?.files[0]?.hashes).toMatchObject({ sha256: FILE.sha256 });
  });

  it('is refused with other bytes than its md5 says', async () => {
    upstream.put({ name: NAME, files: [{ file: FILE, hashes: { md5: '0'.repeat(32) } }] });
    const sample = await start();

    await expect(sample.bytes(NAME, FILE.filename)).rejects.toMatchObject({ code: 'integrity' });
  });

  it('is read of a page without anything but links', async () => {
    const bare = await startPypiUpstream([{ name: NAME, files: [{ file: FILE }] }], { format: 'html-bare', links: 'relative' });
    const sample = await start({ defaultUrl: bare.url });

    const before = await sample.page(NAME);
    const bytes = await sample.bytes(NAME, FILE.filename);
    const outcomes = await sample.ingest();
    const after = await sample.page(NAME);
    const metadata = await sample.projects.metadata(sample.index, NAME, FILE.filename);
    await bare.close();

    expect(before?.files).toMatchObject([{ filename: FILE.filename, hashes: {}, size: null, metadataSha256: null }]);
    expect([bytes, outcomes]).toEqual([FILE.bytes, ['stored']]);
    expect(after?.files).toMatchObject([{ hashes: { sha256: FILE.sha256 }, size: FILE.bytes.length, metadataSha256: metadata?.etag.slice(7) }]);
    expect(metadata?.bytes).toEqual(FILE.metadata);
  });

  function hash(algorithm: string): string {
    return createHash(algorithm).update(FILE.bytes).digest('hex');
  }
});

describe('a file that storage has lost', () => {
  it('comes from upstream, whole and in parts, and is stored again', async () => {
    const first = await start();
    await first.bytes(NAME, BIG.filename);
    await first.ingest();
    first.lose(mainRef(NAME));
    const sample = await start({ stored: first.stored });

    const file = await sample.projects.file(sample.index, NAME, BIG.filename);
    const bytes = await bytesOf(await file!.open(undefined, SIGNAL));
    const part = await bytesOf(await file!.open({ start: 100, end: 199 }, SIGNAL));
    const outcomes = await sample.ingest();
    upstream.mode = 'error';

    expect([bytes.equals(BIG.bytes), part.equals(BIG.bytes.subarray(100, 200)), outcomes]).toEqual([true, true, ['present']]);
    expect(await sample.bytes(NAME, BIG.filename)).toEqual(BIG.bytes);
  });

  it.each([
    ['announces others', { file: OTHER }, 'storage-unavailable'],
    ['has others, whatever it announces', { file: OTHER, hashes: {} }, 'integrity'],
    ['does not list it any more', { file: BIG }, 'storage-unavailable'],
  ] as const)('never comes as other bytes: upstream %s', async (_, shown, code) => {
    const first = await start();
    await first.bytes(NAME, FILE.filename);
    await first.ingest();
    first.lose(mainRef(NAME));
    upstream.put({ name: NAME, files: [shown] });
    const sample = await start({ stored: first.stored });

    await expect(sample.bytes(NAME, FILE.filename)).rejects.toMatchObject({ code });
  });

  it('is lost for good where it was published', async () => {
    const sample = await start();
    await sample.publish(mainRef('ours'), wheel('ours'));
    sample.lose(mainRef('ours'));

    await expect(sample.bytes('ours', wheel('ours').filename)).rejects.toMatchObject({ code: 'storage-unavailable', message: expect.stringContaining('backup') as string });
    await expect(sample.projects.metadata(sample.index, 'ours', wheel('ours').filename)).rejects.toMatchObject({ code: 'storage-unavailable' });
    expect(upstream.requests).toEqual([]);
  });
});
