import { createHash } from 'node:crypto';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { startDockerRegistry } from '@oci-package-proxy/testing';
import { expect, it } from 'vitest';

import type { Digest } from '../model/digest.ts';
import { RemoteRegistry } from './remote-registry.ts';

const MIB = 1024 * 1024;
const PIECES = 256;

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

it('sends and receives 256 MiB without holding them', async () => {
  const server = await startDockerRegistry();
  const registry = new RemoteRegistry({ url: server.url });
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
  await server.stop();
  expect(received).toBe(PIECES * MIB);
  expect((peak - before) / MIB).toBeLessThan(64);
}, 60_000);
