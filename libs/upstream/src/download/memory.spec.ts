import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { temporaryDirectory } from '@oci-package-proxy/testing';

import { upstreamSource } from '../sources/upstream-source.ts';
import type { Upstream } from '../upstream-port.ts';
import { clientFor, firstChunk } from './file-server.contract.ts';
import { SharedDownloads } from './shared-downloads.ts';

const MIB = 2 ** 20;
const BLOCK = Buffer.alloc(MIB, 'fifteen letters');
// A process of its own: its memory is not what is measured.
const SERVER = `
  const block = Buffer.alloc(${MIB}, 'fifteen letters');
  const { Readable } = require('node:stream');
  const server = require('node:http').createServer((request, response) => {
    const blocks = Number(request.url.slice(1));
    response.writeHead(200, { 'content-length': blocks * ${MIB} });
    Readable.from((function* () { for (let i = 0; i < blocks; i += 1) yield block; })()).pipe(response);
  });
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
`;

describe('a file of 512 MiB', () => {
  let directory: string;
  let server: ChildProcess;
  let url: string;

  beforeAll(async () => {
    directory = await temporaryDirectory('spool');
    server = spawn(process.execPath, ['-e', SERVER], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [port] = (await once(server.stdout ?? expect.fail('no output'), 'data')) as [Buffer];
    url = `http://127.0.0.1:${String(port).trim()}`;
  });

  afterAll(async () => {
    server.kill();
    await rm(directory, { recursive: true, force: true });
  });

  it('goes through in less than 64 MiB more memory than a small one, whatever a slow client does', { timeout: 180_000 }, async () => {
    const upstream = clientFor({ url });
    const downloads = new SharedDownloads({ directory, maxBytes: 1024 * MIB });
    await fetched(downloads, upstream, 64);
    const before = process.memoryUsage.rss();
    let highest = before;
    const sampling = setInterval(() => (highest = Math.max(highest, process.memoryUsage.rss())), 20);

    await fetched(downloads, upstream, 512);
    clearInterval(sampling);

    expect((highest - before) / MIB).toBeLessThan(64);
    await downloads.close();
    await upstream.close();
  });

  async function fetched(downloads: SharedDownloads, upstream: Upstream, blocks: number): Promise<void> {
    const expected = { sha256: digestOf(blocks) };
    const source = upstreamSource({ upstream, url: `${url}/${blocks}` });
    const download = await downloads.open({ key: String(blocks), expected, sources: [source], subject: 'big file' });
    const slow = download.stream();
    await firstChunk(slow);
    let received = 0;
    for await (const chunk of download.stream()) {
      received += (chunk as Buffer).length;
    }
    expect(received).toBe(blocks * MIB);
    expect((await firstChunk(slow)).length).toBeGreaterThan(0);
    slow.destroy();
  }
});

function digestOf(blocks: number): string {
  const hash = createHash('sha256');
  for (let index = 0; index < blocks; index += 1) {
    hash.update(BLOCK);
  }
  return hash.digest('hex');
}
