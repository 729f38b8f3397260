import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { eventually, temporaryDirectory } from '@oci-package-proxy/testing';

import { upstreamSource } from '../sources/upstream-source.ts';
import type { Upstream } from '../upstream-port.ts';
import type { DownloadRequest, SpooledFile } from './download-port.ts';
import { type Answer, clientFor, drain, type FileServer, firstChunk, randomFile, startFileServer } from './file-server.contract.ts';
import { SharedDownloads, type SharedDownloadsOptions } from './shared-downloads.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

describe('SharedDownloads', () => {
  const file = randomFile(4 * MIB + 123);
  let directory: string;
  let server: FileServer;
  let upstream: Upstream;
  const opened: SharedDownloads[] = [];

  beforeEach(async () => {
    directory = await temporaryDirectory('spool');
    server = await startFileServer(file.bytes);
    upstream = clientFor(server);
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((downloads) => downloads.close()));
    await upstream.close();
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });

  function downloadsWith(options: Partial<SharedDownloadsOptions> = {}): SharedDownloads {
    const downloads = new SharedDownloads({ directory, maxBytes: 100 * MIB, ...options });
    opened.push(downloads);
    return downloads;
  }

  function request(more: Partial<DownloadRequest> = {}): DownloadRequest {
    const sources = [upstreamSource({ upstream, url: server.fileUrl })];
    return { key: 'a/b/c', expected: { sha256: file.sha256 }, sources, subject: 'file c of package b', ...more };
  }

  async function spooledFiles(): Promise<string[]> {
    return (await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => entry.name);
  }

  it('asks upstream once for fifty clients', async () => {
    const downloads = downloadsWith();

    const got = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        await sleep(index % 10);
        return drain((await downloads.open(request())).stream());
      }),
    );

    expect(server.requests).toHaveLength(1);
    expect(got.every(({ bytes, ended }) => ended && bytes.equals(file.bytes))).toBe(true);
  });

  it.each([
    ['wrong bytes', { sha256: '0'.repeat(64) }, '/file', ['error', 'wrong a/b/c']],
    ['no file', { sha256: file.sha256 }, '/nothing', ['warn']],
  ] as const)('raises an alarm of %s only where bytes were wrong', async (_what, expected, path, heard) => {
    const said: string[] = [];
    const logger = { debug: () => undefined, info: () => undefined, warn: () => void said.push('warn'), error: () => void said.push('error') };
    const downloads = downloadsWith({ logger, onWrongBytes: (key) => said.push(`wrong ${key}`) });
    const url = path === '/file' ? server.fileUrl : new URL('/nothing', server.fileUrl.replace(/:\d+/, ':1')).href;

    await downloads.open(request({ expected, sources: [upstreamSource({ upstream, url })] })).then(async (download) => download.finished).catch(() => undefined);

    expect(said).toEqual(heard);
  });

  it('serves the first byte before the file is complete, and does not serve the end before it is checked', async () => {
    const gate = Promise.withResolvers<void>();
    server.plan({ holdAt: { offset: 100 * KIB, until: gate.promise } });
    const downloads = downloadsWith();

    const download = await downloads.open(request());
    const stream = download.stream();
    const first = await firstChunk(stream);

    expect(download.size).toBe(file.bytes.length);
    expect(first.equals(file.bytes.subarray(0, first.length))).toBe(true);
    expect(first.length).toBeGreaterThan(0);

    gate.resolve();
    stream.destroy();
    await download.finished;
  });

  it('holds the last 64 KiB back until the digest is right', async () => {
    const gate = Promise.withResolvers<void>();
    server.plan({ holdAt: { offset: file.bytes.length - 1, until: gate.promise } });
    const downloads = downloadsWith();
    let received = 0;

    const stream = (await downloads.open(request())).stream();
    stream.on('data', (chunk: Buffer) => (received += chunk.length));
    await eventually('all but the end', () => Promise.resolve(received === file.bytes.length - 64 * KIB), 5_000);
    await sleep(50);

    expect(received).toBe(file.bytes.length - 64 * KIB);

    gate.resolve();
    await new Promise((resolve) => stream.once('end', resolve));
    expect(received).toBe(file.bytes.length);
  });

  it.each([
    ['a wrong digest', { sha256: '0'.repeat(64) }],
    ['a wrong size', { sha256: file.sha256, size: 5 }],
    ['a wrong weak digest beside a right strong one', { sha256: file.sha256, sha1: '0'.repeat(40) }],
  ])('destroys every reader on %s and keeps nothing', async (_, expected) => {
    server.plan({ chunked: true });
    const downloads = downloadsWith();

    const [download, joined] = await Promise.all([downloads.open(request({ expected })), downloads.open(request({ expected }))]);
    const streams = [download.stream(), download.stream(), joined.stream()];
    const got = await Promise.all(streams.map(drain));

    expect(got.map(({ ended, code }) => ({ ended, code }))).toEqual(Array(3).fill({ ended: false, code: 'integrity' }));
    expect(got.every(({ bytes }) => bytes.length <= file.bytes.length - 64 * KIB)).toBe(true);
    await expect(download.finished).rejects.toMatchObject({ code: 'integrity' });
    expect(downloads.find('a/b/c')).toBeNull();
    await eventually('no file', async () => (await spooledFiles()).length === 0, 5_000);

    const again = await drain((await downloads.open(request())).stream());
    expect(again.ended).toBe(true);
    expect(server.requests).toHaveLength(2);
  });

  it('takes an announced size that is not the expected one for wrong bytes, at once', async () => {
    const downloads = downloadsWith();

    await expect(downloads.open(request({ expected: { sha256: file.sha256, size: 5 } }))).rejects.toMatchObject({ code: 'integrity' });
    expect(server.requests).toHaveLength(1);
  });

  it('does not stop when one client leaves', async () => {
    const gate = Promise.withResolvers<void>();
    server.plan({ holdAt: { offset: MIB, until: gate.promise } });
    const downloads = downloadsWith();

    const leaver = (await downloads.open(request())).stream();
    const stayer = (await downloads.open(request())).stream();
    await firstChunk(leaver);
    leaver.destroy();
    gate.resolve();
    const got = await drain(stayer);

    expect(got.bytes.equals(file.bytes)).toBe(true);
    expect(server.requests).toHaveLength(1);
  });

  it.each<[string, Answer]>([
    ['a death', { dieAfter: MIB }],
    ['a stall', { stallAfter: MIB }],
    ['a death before the first byte', { dieAfter: 0 }],
  ])('continues with Range and If-Range after %s', async (_, fault) => {
    server.plan(fault);
    const downloads = downloadsWith({ stallMs: 150 });

    const got = await drain((await downloads.open(request())).stream());

    expect(got).toMatchObject({ ended: true, code: null });
    expect(got.bytes.equals(file.bytes)).toBe(true);
    expect(server.requests).toHaveLength(2);
    const sent = fault.dieAfter ?? fault.stallAfter;
    const { range, 'if-range': validator } = server.requests[1]?.headers ?? {};
    // What was on its way when the connection broke may be lost.
    expect(sent === 0 ? range === undefined : Number(range?.slice(6, -1)) > MIB / 2).toBe(true);
    expect(validator).toBe(sent === 0 ? undefined : '"v1"');
  });

  it('takes what it has from a source that begins at the start again', async () => {
    server.plan({ dieAfter: MIB }, { ignoreRange: true });
    const downloads = downloadsWith();

    const got = await drain((await downloads.open(request())).stream());

    expect(got.bytes.equals(file.bytes)).toBe(true);
  });

  it('goes from one source to the next', async () => {
    const other = await startFileServer(file.bytes);
    const both = clientFor(server, other);
    server.plan({ stallAfter: 2 * MIB });
    const sources = [server, other].map(({ fileUrl }) => upstreamSource({ upstream: both, url: fileUrl }));

    const got = await drain((await downloadsWith({ stallMs: 150 }).open(request({ sources }))).stream());

    expect(got.bytes.equals(file.bytes)).toBe(true);
    expect(other.requests[0]?.headers.range).toBe(`bytes=${2 * MIB}-`);
    expect(server.requests).toHaveLength(1);
    await both.close();
    await other.stop();
  });

  it('leaves a first source that does not answer in time', async () => {
    const silent = { name: 'silent', open: () => new Promise<null>(() => undefined) };

    const got = await drain((await downloadsWith({ stallMs: 100 }).open(request({ sources: [silent, ...request().sources] }))).stream());

    expect(got.bytes.equals(file.bytes)).toBe(true);
  });

  it('gives up after three rounds, without a clean end', async () => {
    server.plan({ dieAfter: MIB }, { dieAfter: 10 }, { dieAfter: 10 }, { dieAfter: 10 });
    const downloads = downloadsWith();

    const got = await drain((await downloads.open(request())).stream());

    expect(got).toMatchObject({ ended: false, code: 'upstream-unavailable' });
    expect(server.requests).toHaveLength(3);
    expect(downloads.find('a/b/c')).toBeNull();
  });

  it('cuts off a file that upstream changed between two parts', async () => {
    const changed = randomFile(file.bytes.length);
    server.plan({ dieAfter: MIB }, { bytes: changed.bytes, headers: { etag: '"v2"' }, ignoreRange: true });

    const got = await drain((await downloadsWith().open(request())).stream());

    expect(got).toMatchObject({ ended: false, code: 'integrity' });
  });

  it.each([
    ['sha1', { sha1: file.sha1 }],
    ['nothing but its size', { size: file.bytes.length }],
  ])('serves no byte before the end when there is only %s', async (_, expected) => {
    const gate = Promise.withResolvers<void>();
    server.plan({ holdAt: { offset: 3 * MIB, until: gate.promise } });
    const downloads = downloadsWith();
    let received = 0;

    const stream = (await downloads.open(request({ expected }))).stream();
    stream.on('data', (chunk: Buffer) => (received += chunk.length));
    await sleep(100);

    expect(received).toBe(0);

    gate.resolve();
    await new Promise((resolve) => stream.once('end', resolve));
    expect(received).toBe(file.bytes.length);
  });

  it('serves no byte of a file whose weak digest is wrong', async () => {
    const got = await drain((await downloadsWith().open(request({ expected: { sha1: '0'.repeat(40) } }))).stream());

    expect(got).toMatchObject({ ended: false, code: 'integrity' });
    expect(got.bytes).toHaveLength(0);
  });

  describe.each([0, 1, 1000, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 200 * KIB])('a file of %i bytes', (size) => {
    const small = randomFile(size);

    it.each([
      ['size and digest', { sha256: small.sha256, size }, false],
      ['digest', { sha256: small.sha256 }, true],
      ['weak digest', { sha1: small.sha1 }, false],
    ])('arrives by %s', async (_, expected, chunked) => {
      server.plan({ bytes: small.bytes, chunked });
      const downloads = downloadsWith();

      const download = await downloads.open(request({ expected }));
      const got = await drain(download.stream());

      expect(got).toMatchObject({ ended: true, code: null });
      expect(got.bytes.equals(small.bytes)).toBe(true);
      expect((await download.finished).sha256).toBe(small.sha256);
      const again = await drain((await downloads.open(request({ expected }))).stream());
      expect(again.bytes.equals(small.bytes)).toBe(true);
      expect(server.requests).toHaveLength(1);
    });
  });

  it.each([0, 1, 5 * KIB, file.bytes.length - 1, file.bytes.length])('streams from byte %i on, while it grows and afterwards', async (start) => {
    const downloads = downloadsWith();

    const growing = await drain((await downloads.open(request())).stream({ start }));
    const held = await drain((await downloads.open(request())).stream({ start }));

    expect(growing.ended && growing.bytes.equals(file.bytes.subarray(start))).toBe(true);
    expect(held.ended && held.bytes.equals(file.bytes.subarray(start))).toBe(true);
  });

  it('does not end cleanly beyond the end', async () => {
    const got = await drain((await downloadsWith().open(request())).stream({ start: file.bytes.length + 1 }));

    expect(got).toMatchObject({ ended: false, code: 'range-not-satisfiable' });
  });

  it('says not-found when every source does, and forgets it', async () => {
    server.plan({ status: 404 });
    const downloads = downloadsWith();

    await expect(downloads.open(request())).rejects.toMatchObject({ code: 'not-found' });
    expect((await drain((await downloads.open(request())).stream())).ended).toBe(true);
  });

  it.each([
    [500, 'upstream-unavailable'],
    [403, 'upstream-denied'],
    [429, 'rate-limited'],
    [400, 'upstream-unavailable'],
  ])('never makes a %i into a missing file', async (status, code) => {
    server.plan({ status }, { status });
    const missing = { name: 'spool of x', open: () => Promise.resolve(null) };

    await expect(downloadsWith().open(request())).rejects.toMatchObject({ code });
    await expect(downloadsWith().open(request({ sources: [...request().sources, missing] }))).rejects.toMatchObject({ code });
  });

  it('hands a verified file on once, before it counts as finished', async () => {
    const calls: SpooledFile[] = [];
    const onVerified = async (verified: SpooledFile): Promise<void> => {
      await sleep(20);
      calls.push(verified);
    };
    const downloads = downloadsWith();

    const [first, second] = await Promise.all([downloads.open(request({ onVerified })), downloads.open(request({ onVerified }))]);
    const [spooled] = await Promise.all([first.finished, second.finished]);

    expect(calls).toEqual([spooled]);
    expect(spooled).toMatchObject({ size: file.bytes.length, sha256: file.sha256, sha1: file.sha1 });
    await downloads.open(request({ onVerified }));
    expect(calls).toHaveLength(1);
  });

  it('keeps a file that could not be handed on', async () => {
    const downloads = downloadsWith();

    const download = await downloads.open(request({ onVerified: () => Promise.reject(new Error('no queue')) }));

    expect(await download.finished).toMatchObject({ sha256: file.sha256 });
    expect(downloads.find('a/b/c')).not.toBeNull();
  });

  it('closes although a file cannot be handed on', async () => {
    const downloads = downloadsWith();
    const handing = Promise.withResolvers<void>();

    const download = await downloads.open(request({ onVerified: () => (handing.resolve(), new Promise<void>(() => undefined)) }));
    expect((await drain(download.stream())).ended).toBe(true);
    await handing.promise;
    await downloads.close();

    expect(await readdir(directory)).toEqual([]);
  });

  it('finds what runs and what is there', async () => {
    const gate = Promise.withResolvers<void>();
    server.plan({ holdAt: { offset: MIB, until: gate.promise } });
    const downloads = downloadsWith();
    expect(downloads.find('a/b/c')).toBeNull();

    const download = await downloads.open(request());
    const growing = drain(downloads.find('a/b/c')?.stream({ start: 10 }) ?? expect.fail('not running'));
    gate.resolve();
    await download.finished;
    const held = drain(downloads.find('a/b/c')?.stream() ?? expect.fail('not there'));

    expect((await growing).bytes.equals(file.bytes.subarray(10))).toBe(true);
    expect((await held).bytes.equals(file.bytes)).toBe(true);
  });

  it('lets go of whoever gives up while it opens, and of a reader whose signal fires', async () => {
    const gate = Promise.withResolvers<void>();
    server.answer(async (_request, response) => {
      await gate.promise;
      response.end(file.bytes);
    });
    const downloads = downloadsWith();
    const impatient = new AbortController();
    const reader = new AbortController();

    const given = downloads.open(request(), impatient.signal);
    const other = downloads.open(request());
    impatient.abort();
    await expect(given).rejects.toMatchObject({ code: 'aborted' });
    gate.resolve();
    const download = await other;
    const stream = download.stream({ signal: reader.signal });
    reader.abort();

    expect(await drain(stream)).toMatchObject({ ended: false, code: 'aborted' });
    expect((await drain(download.stream())).bytes.equals(file.bytes)).toBe(true);
    expect(server.requests).toHaveLength(1);
  });

  it.each([
    ['finishes a small one', { finishBelowBytes: 100 * MIB, stopAfterMs: 30 }, true],
    ['stops a big one', { finishBelowBytes: MIB, stopAfterMs: 30 }, false],
  ])('when all clients are gone it %s', async (_, unwatched, kept) => {
    const gate = Promise.withResolvers<void>();
    server.plan({ holdAt: { offset: MIB, until: gate.promise } });
    const downloads = downloadsWith({ unwatched });

    const download = await downloads.open(request());
    const stream = download.stream();
    await firstChunk(stream);
    stream.destroy();
    await sleep(150);
    gate.resolve();
    const outcome = await download.finished.then(
      () => 'kept',
      (error: { code: string }) => error.code,
    );

    expect(outcome).toBe(kept ? 'kept' : 'aborted');
    expect(downloads.find('a/b/c') !== null).toBe(kept);
  });

  it('ends a reader whose signal had fired before it came, and nothing else', async () => {
    const downloads = downloadsWith();
    const download = await downloads.open(request());
    const uncaught: unknown[] = [];
    const note = (error: unknown): void => void uncaught.push(error);
    process.on('uncaughtException', note);

    const late = download.stream({ signal: AbortSignal.abort(new Error('left')) });
    late.destroy();
    await sleep(20);
    process.off('uncaughtException', note);

    expect(uncaught).toEqual([]);
    expect(late.closed).toBe(true);
    expect((await drain(download.stream())).bytes.equals(file.bytes)).toBe(true);
  });

  it('goes on when somebody comes before it is stopped', async () => {
    const gate = Promise.withResolvers<void>();
    server.plan({ holdAt: { offset: MIB, until: gate.promise } });
    const downloads = downloadsWith({ unwatched: { finishBelowBytes: 0, stopAfterMs: 100 } });

    const leaver = (await downloads.open(request())).stream();
    await firstChunk(leaver);
    leaver.destroy();
    await sleep(50);
    const stayer = (await downloads.open(request())).stream();
    await sleep(150);
    gate.resolve();

    expect((await drain(stayer)).bytes.equals(file.bytes)).toBe(true);
    expect(server.requests).toHaveLength(1);
  });

  it('fetches again what somebody else removed from the spool', async () => {
    const downloads = downloadsWith();
    const { path } = await (await downloads.open(request())).finished;
    await rm(path);

    const got = await drain((await downloads.open(request())).stream());

    expect(got.bytes.equals(file.bytes)).toBe(true);
    expect(server.requests).toHaveLength(2);
  });

  it('ends what runs and removes its directory when it closes', async () => {
    server.plan({ stallAfter: MIB });
    const downloads = downloadsWith();
    const download = await downloads.open(request());
    const reading = drain(download.stream());

    await downloads.close();

    expect(await reading).toMatchObject({ ended: false, code: 'aborted' });
    await expect(download.finished).rejects.toMatchObject({ code: 'aborted' });
    await expect(downloads.open(request())).rejects.toMatchObject({ code: 'aborted' });
    expect(await readdir(directory)).toEqual([]);
  });

  it('removes what dead processes left, and only that', async () => {
    const dead = join(directory, `spool-4194305-${'a'.repeat(16)}`);
    const earlierSelf = join(directory, `spool-${process.pid}-${'b'.repeat(16)}`);
    const alive = join(directory, `spool-${process.ppid}-${'c'.repeat(16)}`);
    const foreign = join(directory, 'something-else');
    await Promise.all([dead, earlierSelf, alive, foreign].map((path) => mkdir(path)));
    const neighbour = downloadsWith();
    await neighbour.prepare();

    await downloadsWith().prepare();

    expect([dead, earlierSelf, alive, foreign].map((path) => existsSync(path))).toEqual([false, false, true, true]);
    expect((await readdir(directory)).filter((name) => name.startsWith(`spool-${process.pid}-`))).toHaveLength(2);
  });
});
