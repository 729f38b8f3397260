import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { temporaryDirectory } from '@oci-package-proxy/testing';

import type { DownloadSource } from './download-port.ts';
import { drain } from './file-server.contract.ts';
import { SharedDownloads } from './shared-downloads.ts';

interface Life {
  /** Of each piece, in bytes. */
  readonly chunk: number;
  /** Bytes after which it ends, with or without an error; null: the end. */
  readonly dies: number | null;
  readonly clean: boolean;
  readonly restarts: boolean;
  readonly saysSize: boolean;
  readonly corrupt: boolean;
}

interface Client {
  readonly delay: number;
  readonly start: number;
  /** Bytes after which it leaves; null: it stays. */
  readonly leaves: number | null;
}

const MAX_SIZE = 300_000;

const life: fc.Arbitrary<Life> = fc.record({
  chunk: fc.integer({ min: 1_000, max: 200_000 }),
  dies: fc.option(fc.nat(MAX_SIZE), { freq: 2 }),
  clean: fc.boolean(),
  restarts: fc.boolean(),
  saysSize: fc.boolean(),
  corrupt: fc.nat(9).map((number) => number === 0),
});

const client: fc.Arbitrary<Client> = fc.record({
  delay: fc.nat(20),
  start: fc.oneof(fc.constant(0), fc.nat(MAX_SIZE)),
  leaves: fc.option(fc.nat(MAX_SIZE), { freq: 2 }),
});

describe('whatever sources and clients do', () => {
  let directory: string;

  beforeAll(async () => {
    directory = await temporaryDirectory('spool');
  });

  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('every client gets exactly the bytes, or a stream that fails', async () => {
    const scenario = fc.record({
      size: fc.oneof(fc.nat(MAX_SIZE), fc.constantFrom(0, 65_535, 65_536, 65_537)),
      lives: fc.array(life, { minLength: 1, maxLength: 4 }),
      clients: fc.array(client, { minLength: 1, maxLength: 5 }),
      strong: fc.boolean(),
      roomy: fc.boolean(),
    });

    await fc.assert(
      fc.asyncProperty(scenario, async ({ size, lives, clients, strong, roomy }) => {
        const bytes = Buffer.from(Array.from({ length: size }, (_, index) => (index * 31 + (index >> 8)) & 255));
        const digest = createHash(strong ? 'sha256' : 'sha1').update(bytes).digest('hex');
        const downloads = new SharedDownloads({ directory, maxBytes: roomy ? 10 * MAX_SIZE : 100_000, stallMs: 1_000, roundPauseMs: 5 });
        const remaining = [...lives];
        const sources = [0, 1].map((index) => sourceOf(`source ${index}`, bytes, remaining));
        const request = { key: 'k', expected: strong ? { sha256: digest } : { sha1: digest }, sources, subject: 'file' };

        const results = await Promise.all(
          clients.map(async ({ delay, start, leaves }) => {
            for (let tick = 0; tick < delay; tick += 1) {
              await setImmediate();
            }
            const download = await downloads.open(request).catch(() => null);
            if (download === null) {
              return true;
            }
            const stream = download.stream({ start });
            let received = 0;
            stream.on('data', (chunk: Buffer) => {
              received += chunk.length;
              if (leaves !== null && received > leaves) {
                stream.destroy();
              }
            });
            const got = await drain(stream);
            const wanted = bytes.subarray(start);
            return got.ended ? start <= size && got.bytes.equals(wanted) : isProperStart(got.bytes, wanted, leaves !== null);
          }),
        );
        await downloads.close();

        expect(results).toEqual(clients.map(() => true));
      }),
      { numRuns: 120 },
    );
  });
});

/** A failed stream has not delivered the last byte: a client that counts would take it for whole. */
function isProperStart(got: Buffer, wanted: Buffer, left: boolean): boolean {
  return got.equals(wanted.subarray(0, got.length)) && (left || got.length < wanted.length || wanted.length === 0);
}

function sourceOf(name: string, bytes: Buffer, lives: Life[]): DownloadSource {
  return {
    name,
    open: ({ offset }) => {
      const life = lives.shift() ?? { chunk: 50_000, dies: null, clean: false, restarts: false, saysSize: true, corrupt: false };
      const start = life.restarts ? 0 : offset;
      const size = life.saysSize ? bytes.length : null;
      return Promise.resolve({ offset: start, size, validator: null, stream: Readable.from(piecesOf(bytes, start, life), { objectMode: false }) });
    },
  };
}

async function* piecesOf(bytes: Buffer, start: number, life: Life): AsyncGenerator<Buffer> {
  const end = Math.min(bytes.length, start + (life.dies ?? bytes.length));
  for (let at = start; at < end; at += life.chunk) {
    await setImmediate();
    const piece = Buffer.from(bytes.subarray(at, Math.min(end, at + life.chunk)));
    // A wrong byte is wrong for everybody who gets it, so only the end is corrupted: what comes before it may be served.
    if (life.corrupt && at + piece.length === bytes.length) {
      piece[piece.length - 1] = (piece[piece.length - 1] ?? 0) ^ 1;
    }
    yield piece;
  }
  if (life.dies !== null && !life.clean) {
    throw new Error('died');
  }
}
