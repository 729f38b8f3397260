import { createHash } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { type BigFile, bigWheel, pypiUploadStream } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ADMIN_TOKEN, type PypiStandalone, startPypiStandalone } from './pypi-standalone.ts';

const MIB = 2 ** 20;
/** What a file of any size may cost more than a small one. */
const GROWTH = 64 * MIB;

describe('a wheel of 3 GiB', () => {
  let proxy: PypiStandalone;

  beforeAll(async () => {
    proxy = await startPypiStandalone({ PYPI_UPSTREAM_URL: 'off' });
  });
  afterAll(() => proxy.stop());

  it('goes up and comes down with the memory of a small one, and leaves no temporary file', async () => {
    const small = await both('small', 100 * MIB);
    const large = await both('large', 3 * 1024 * MIB);
    process.stdout.write(`\n  3 GiB wheel: up ${seconds(large.upMs)}, down ${seconds(large.downMs)}; peak RSS up ${mib(large.up)} (100 MiB: ${mib(small.up)}), down ${mib(large.down)} (100 MiB: ${mib(small.down)})\n`);

    expect(large.up - small.up).toBeLessThan(GROWTH);
    expect(large.down - small.down).toBeLessThan(GROWTH);
    const left = await readdir(join(proxy.directory, 'data/uploads'), { recursive: true, withFileTypes: true });
    expect(left.filter((entry) => entry.isFile()).map(({ name }) => name)).toEqual([]);
  });

  it('serves its end by range, its metadata, and a download that goes on in the middle', async () => {
    const { files } = (await (await fetch(`${proxy.index}large/`, { headers: { accept: 'application/vnd.pypi.simple.v1+json' } })).json()) as {
      files: { url: string; size: number; hashes: Record<string, string>; 'core-metadata': { sha256: string } }[];
    };
    const [file] = files;

    const end = await fetch(file?.url ?? '', { headers: { range: 'bytes=-22' } });
    const middle = await fetch(file?.url ?? '', { headers: { range: `bytes=${(file?.size ?? 0) - 100_000}-`, 'if-range': end.headers.get('etag') ?? '' } });
    const metadata = Buffer.from(await (await fetch(`${file?.url}.metadata`)).arrayBuffer());

    expect(end.status).toBe(206);
    expect(Buffer.from(await end.arrayBuffer()).subarray(0, 4).toString('latin1')).toBe('PK\x05\x06');
    expect(middle.headers.get('content-range')).toBe(`bytes ${(file?.size ?? 0) - 100_000}-${(file?.size ?? 0) - 1}/${file?.size}`);
    expect((await middle.arrayBuffer()).byteLength).toBe(100_000);
    expect(createHash('sha256').update(metadata).digest('hex')).toBe(file?.['core-metadata'].sha256);
  });

  interface Measured {
    /** Peak resident bytes, and time in ms, of the way up and down. */
    readonly up: number;
    readonly upMs: number;
    readonly down: number;
    readonly downMs: number;
  }

  async function both(name: string, bytes: number): Promise<Measured> {
    const directory = join(proxy.directory, 'wheels', name);
    await mkdir(directory, { recursive: true });
    const file = await bigWheel({ directory, bytes, name, version: '1.0' });
    const up = await watched(async () => uploaded(file));
    const down = await watched(async () => downloaded(name, file));
    await rm(directory, { recursive: true });
    return { up: up.peak, upMs: up.ms, down: down.peak, downMs: down.ms };
  }

  async function uploaded(file: BigFile): Promise<void> {
    const { contentType, length, body } = pypiUploadStream({ file });
    const headers = { 'content-type': contentType, 'content-length': String(length), authorization: `Bearer ${ADMIN_TOKEN}` };
    const answer = await fetch(proxy.upload, { method: 'POST', headers, body, duplex: 'half' } as unknown as RequestInit);
    expect(answer.status, await answer.text()).toBe(200);
  }

  async function downloaded(name: string, file: BigFile): Promise<void> {
    const page = (await (await fetch(`${proxy.index}${name}/`, { headers: { accept: 'application/vnd.pypi.simple.v1+json' } })).json()) as { files: { url: string; size: number }[] };
    expect(page.files[0]?.size).toBe(file.size);
    const hash = createHash('sha256');
    for await (const chunk of (await fetch(page.files[0]?.url ?? '')).body ?? []) {
      hash.update(chunk);
    }
    expect(hash.digest('hex')).toBe(file.sha256);
  }

  async function watched(work: () => Promise<void>): Promise<{ peak: number; ms: number }> {
    let peak = 0;
    const timer = setInterval(() => void proxy.app.residentBytes().then((now) => (peak = Math.max(peak, now)), () => undefined), 50);
    const started = performance.now();
    await work().finally(() => clearInterval(timer));
    return { peak, ms: performance.now() - started };
  }
});

function mib(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
