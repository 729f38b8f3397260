import { createWriteStream } from 'node:fs';
import { open, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32, createGzip } from 'node:zlib';

import { normalizeModule } from './module-archive.ts';
import { inspectProviderZip } from './provider-zip.ts';
import { PROGRAM, shifted, tarOf, zipOf } from './sample-archive.contract.ts';

// A process of its own, so that nothing else is measured.
const PROVIDER_BYTES = 300 * 2 ** 20;
const MODULE_BYTES = 150 * 2 ** 20;
const PIECE = Buffer.alloc(1024 * 1024);
const [, , directory = ''] = process.argv;

/** A zip with one stored program of zeros. */
async function largeProvider(size: number): Promise<string> {
  const path = join(directory, `provider-${size}.zip`);
  let crc = 0;
  for (let at = 0; at < size; at += PIECE.length) {
    crc = crc32(PIECE, crc);
  }
  const name = 'terraform-provider-large_v1.0.0';
  const small = zipOf([{ name, mode: PROGRAM, declared: { size, packedSize: size, crc } }], { zip64: true });
  const local = 30 + name.length;
  const handle = await open(path, 'w');
  await handle.write(small.subarray(0, local), 0, local, 0);
  const end = shifted(small, size).subarray(local);
  // The member itself stays where it is, at the start.
  end.writeBigUInt64LE(0n, 46 + name.length + 20);
  await handle.write(end, 0, end.length, local + size);
  await handle.close();
  return path;
}

/** A tar.gz with one file of zeros beside a module. */
async function largeModule(size: number): Promise<string> {
  const path = join(directory, `module-${size}.tar.gz`);
  const start = (await tarOf([{ name: 'main.tf', content: '\n' }])).subarray(0, 1024);
  const header = (await tarOf([{ name: 'big', content: Buffer.alloc(size) }])).subarray(0, 512);
  const pieces = function* (): Generator<Buffer> {
    yield start;
    yield header;
    for (let at = 0; at < size; at += PIECE.length) {
      yield Buffer.from(PIECE);
    }
    yield Buffer.alloc(1024);
  };
  await pipeline(Readable.from(pieces(), { objectMode: false }), createGzip({ level: 1 }), createWriteStream(path));
  return path;
}

async function measured(work: () => Promise<unknown>): Promise<number> {
  const before = process.memoryUsage().rss;
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss);
  }, 5);
  await work();
  clearInterval(timer);
  return most - before;
}

const provider = { type: 'large', version: '1.0.0', platform: { os: 'linux', arch: 'amd64' } };
const how = { target: join(directory, 'target.zip'), limits: { bytes: 2 ** 30, files: 10 }, wrapped: false, subdirectory: null };
const files = [await largeProvider(PROVIDER_BYTES), await largeModule(MODULE_BYTES)] as const;
// What is loaded, and the heap's first growth, are not the file's.
await inspectProviderZip(await largeProvider(64 * 2 ** 20), provider);
await normalizeModule(await largeModule(16 * 2 ** 20), how);
const grown = { provider: await measured(() => inspectProviderZip(files[0], provider)), module: await measured(() => normalizeModule(files[1], how)) };
const size = (await stat(files[0])).size;
await truncate(files[0]);
process.send?.({ size, grown }, () => process.exit(0));
