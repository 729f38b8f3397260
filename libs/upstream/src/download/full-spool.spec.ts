import { readdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { eventually, temporaryDirectory } from '@oci-package-proxy/testing';

import { upstreamSource } from '../sources/upstream-source.ts';
import type { Upstream } from '../upstream-port.ts';
import type { DownloadRequest } from './download-port.ts';
import { clientFor, drain, type FileServer, firstChunk, randomFile, startFileServer } from './file-server.contract.ts';
import { SharedDownloads, type SharedDownloadsOptions } from './shared-downloads.ts';

const MIB = 1024 * 1024;

describe('a spool with a cap', () => {
  const file = randomFile(3 * MIB);
  let directory: string;
  let server: FileServer;
  let upstream: Upstream;
  let evicted: string[];
  const opened: SharedDownloads[] = [];

  beforeEach(async () => {
    directory = await temporaryDirectory('spool');
    server = await startFileServer(file.bytes);
    upstream = clientFor(server);
    evicted = [];
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((downloads) => downloads.close()));
    await upstream.close();
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });

  function downloadsOf(maxBytes: number, options: Partial<SharedDownloadsOptions> = {}): SharedDownloads {
    const downloads = new SharedDownloads({ directory, maxBytes, onEvicted: (key) => evicted.push(key), ...options });
    opened.push(downloads);
    return downloads;
  }

  function request(key: string, more: Partial<DownloadRequest> = {}): DownloadRequest {
    const sources = [upstreamSource({ upstream, url: `${server.fileUrl}/${key}` })];
    return { key, expected: { sha256: file.sha256 }, sources, subject: `file ${key}`, ...more };
  }

  async function fetched(downloads: SharedDownloads, key: string): Promise<void> {
    const got = await drain((await downloads.open(request(key))).stream());
    expect(got.bytes.equals(file.bytes)).toBe(true);
  }

  async function filesOnDisk(): Promise<number> {
    return (await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).length;
  }

  it('evicts the least recently used files', async () => {
    const downloads = downloadsOf(7 * MIB);

    await fetched(downloads, 'a');
    await fetched(downloads, 'b');
    await fetched(downloads, 'a');
    await fetched(downloads, 'c');

    expect(evicted).toEqual(['b']);
    expect(['a', 'b', 'c'].map((key) => downloads.find(key) !== null)).toEqual([true, false, true]);
    await eventually('two files', async () => (await filesOnDisk()) === 2, 5_000);
  });

  it('does not evict what is read, nor what is worked on', async () => {
    const downloads = downloadsOf(7 * MIB);
    await fetched(downloads, 'a');
    await fetched(downloads, 'b');

    const reader = (await downloads.open(request('a'))).stream();
    await firstChunk(reader);
    const worked = await downloads.withFile('b', async (spooled) => {
      await fetched(downloads, 'c');
      return spooled.size;
    });

    expect(worked).toBe(file.bytes.length);
    expect(evicted).toEqual([]);
    expect(downloads.find('c')).toBeNull();
    expect(await downloads.withFile('c', () => Promise.resolve(1))).toBeNull();
    reader.destroy();
  });

  it('fetches anew what was forgotten, and lets those go on who read it', async () => {
    const downloads = downloadsOf(4 * MIB);
    await fetched(downloads, 'a');
    const reader = (await downloads.open(request('a'))).stream();
    await firstChunk(reader);

    downloads.forget('a');
    downloads.forget('b');

    expect(evicted).toEqual(['a']);
    expect(downloads.find('a')).toBeNull();
    reader.resume();
    expect((await drain(reader)).ended).toBe(true);
    await fetched(downloads, 'a');
    expect(server.requests).toHaveLength(2);
    await eventually('one file', async () => (await filesOnDisk()) === 1, 5_000);
  });

  it('keeps a file between its opening and its first stream', async () => {
    const downloads = downloadsOf(4 * MIB);
    await fetched(downloads, 'a');

    const download = await downloads.open(request('a'));
    await fetched(downloads, 'b');
    const got = await drain(download.stream());

    expect(got.bytes.equals(file.bytes)).toBe(true);
    await fetched(downloads, 'c');
    expect(evicted).toEqual(['a']);
  });

  it.each([
    ['of a known size', false],
    ['whose size nobody says', true],
  ])('passes a file %s on to its first client, keeps nothing, and fetches anew for others', async (_, chunked) => {
    server.plan({ chunked }, { chunked }, { chunked });
    const downloads = downloadsOf(2 * MIB);
    const verified: string[] = [];

    const openings = [1, 2, 3].map(() => downloads.open(request('a', { onVerified: (spooled) => Promise.resolve(void verified.push(spooled.path)) })));
    const [first, ...others] = (await Promise.all(openings)).map((download) => ({ download, reading: drain(download.stream()) }));
    const got = await first?.reading;

    expect(got).toMatchObject({ ended: true, code: null });
    expect(got?.bytes.equals(file.bytes)).toBe(true);
    for (const other of others) {
      const { bytes, ended, code } = await other.reading;
      // Whoever joined before anybody could know that it would not fit is told to come back.
      expect(ended ? bytes.equals(file.bytes) : code === 'upstream-unavailable').toBe(true);
    }
    await expect(first?.download.finished).rejects.toMatchObject({ code: 'upstream-unavailable' });
    expect(downloads.find('a')).toBeNull();
    expect(verified).toEqual([]);
    await eventually('no file', async () => (await filesOnDisk()) === 0, 5_000);
  });

  it('lets each of several clients have a file that does not fit, when its size is known', async () => {
    const downloads = downloadsOf(2 * MIB);

    const got = await Promise.all([1, 2, 3].map(async () => drain((await downloads.open(request('a'))).stream())));

    expect(got.every(({ bytes, ended }) => ended && bytes.equals(file.bytes))).toBe(true);
    expect(server.requests).toHaveLength(3);
  });

  it('checks what it passes on before it ends', async () => {
    const got = await drain((await downloadsOf(MIB).open(request('a', { expected: { sha256: '0'.repeat(64) } }))).stream());

    expect(got).toMatchObject({ ended: false, code: 'integrity' });
    expect(got.bytes.length).toBeLessThanOrEqual(file.bytes.length - 64 * 1024);
  });

  it('resumes what it passes on', async () => {
    server.plan({ dieAfter: MIB });

    const got = await drain((await downloadsOf(100).open(request('a'))).stream());

    expect(got.bytes.equals(file.bytes)).toBe(true);
    expect(server.requests).toHaveLength(2);
  });

  it('passes on to a client that takes only the end', async () => {
    const got = await drain((await downloadsOf(MIB).open(request('a'))).stream({ start: file.bytes.length - 10 }));

    expect(got.ended && got.bytes.equals(file.bytes.subarray(-10))).toBe(true);
  });

  it('makes the source wait for the only client, and stops when that leaves', async () => {
    const downloads = downloadsOf(100);
    const download = await downloads.open(request('a'));

    const stream = download.stream();
    await firstChunk(stream);
    await sleep(100);
    stream.destroy();
    await sleep(50);

    const late = await drain(download.stream());
    expect(late).toMatchObject({ ended: false });
    expect(late.bytes).toHaveLength(0);
  });

  it('does not pass on what it cannot check before its first byte', async () => {
    const downloads = downloadsOf(MIB);

    await expect(downloads.open(request('a', { expected: { sha1: file.sha1 } }))).rejects.toMatchObject({ code: 'upstream-unavailable', retryAfterMs: 5_000 });
  });

  it('closes while a client still reads what was passed on', async () => {
    const downloads = downloadsOf(100);
    const stream = (await downloads.open(request('a'))).stream();
    await firstChunk(stream);
    const reading = drain(stream);

    await downloads.close();

    expect(await reading).toMatchObject({ ended: false, code: 'aborted' });
  });

  it('passes on what the disk has no place for', async () => {
    const downloads = downloadsOf(100 * MIB);
    await downloads.prepare();
    const [own] = await readdir(directory);
    // The first file of a process is called 1; here its every write fails with ENOSPC.
    await symlink('/dev/full', join(directory, own ?? '', '1'));

    const got = await drain((await downloads.open(request('a'))).stream());

    expect(got.ended && got.bytes.equals(file.bytes)).toBe(true);
    expect(downloads.find('a')).toBeNull();
    await fetched(downloads, 'b');
    expect(downloads.find('b')).not.toBeNull();
  });

  it('gives the room of failed downloads back', async () => {
    const downloads = downloadsOf(4 * MIB);
    for (let times = 0; times < 3; times += 1) {
      await drain((await downloads.open(request('a', { expected: { sha256: '0'.repeat(64) } }))).stream());
    }

    await fetched(downloads, 'b');

    expect(downloads.find('b')).not.toBeNull();
  });
});
