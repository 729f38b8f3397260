import { createHash } from 'node:crypto';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { expect, it } from 'vitest';

import type { Digest } from '../model/digest.ts';
import type { Registry } from '../ports/repository.ts';

const MIB = 1024 * 1024;
const PIECES = 300;

function* pieces(): Generator<Buffer> {
  for (let number = 0; number < PIECES; number += 1) {
    const piece = Buffer.alloc(MIB, number);
    yield piece;
  }
}

function digestOfPieces(): Digest {
  const hash = createHash('sha256');
  for (const piece of pieces()) {
    hash.update(piece);
  }
  return `sha256:${hash.digest('hex')}`;
}

/** Invariant 7 on one driver: memory does not grow with a blob's size, neither on its way in nor out. */
export function describeStreaming(label: string, start: () => Promise<{ readonly registry: Registry; stop(): Promise<void> }>): void {
  it(`${label}: stores and reads 300 MiB without holding them`, async () => {
    const { registry, stop } = await start();
    const repository = registry.repository('big');
    const digest = digestOfPieces();
    const before = process.memoryUsage.rss();
    let peak = before;
    const meter = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 20);

    await repository.writeBlob({ digest, size: PIECES * MIB, open: () => Readable.from(pieces(), { objectMode: false }) });
    const body = await repository.readBlob(digest);
    let received = 0;
    const sink = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        received += chunk.length;
        done();
      },
    });
    await pipeline(body?.stream ?? expect.fail(), sink);

    clearInterval(meter);
    await registry.close();
    await stop();
    expect(received).toBe(PIECES * MIB);
    expect((peak - before) / MIB).toBeLessThan(64);
  }, 120_000);
}
