import { createHash } from 'node:crypto';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { isProxyError } from '@oci-package-proxy/errors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type ExpectedContent, HELD_BACK_BYTES, VerifyingStream } from './verifying-stream.ts';

const ALGORITHMS = ['sha256', 'sha512', 'sha1', 'md5'] as const;
const SIZES = [0, 1, HELD_BACK_BYTES - 1, HELD_BACK_BYTES, HELD_BACK_BYTES + 1, 3 * HELD_BACK_BYTES + 7];
const SPLITS = [1_000, 16_384, HELD_BACK_BYTES, HELD_BACK_BYTES + 1, 1_000_000];

function patterned(size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, (_, at) => (at * 31) % 251));
}

function digest(algorithm: string, bytes: Buffer): string {
  return createHash(algorithm).update(bytes).digest('hex');
}

function pieces(bytes: Buffer, length: number): readonly Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / length) }, (_, at) => bytes.subarray(at * length, (at + 1) * length));
}

async function passed(chunks: readonly Buffer[], expected: ExpectedContent): Promise<{ bytes: Buffer; error: unknown }> {
  const received: Buffer[] = [];
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      received.push(chunk);
      done();
    },
  });
  const error: unknown = await pipeline(Readable.from(chunks), new VerifyingStream(expected, 'subject'), sink).then(() => null, (reason: unknown) => reason);
  return { bytes: Buffer.concat(received), error };
}

describe.each(ALGORITHMS)('%s', (algorithm) => {
  it.each(SIZES)('passes %i bytes on as they are, however they are cut', async (size) => {
    const bytes = patterned(size);

    for (const length of SPLITS) {
      const { bytes: received, error } = await passed(pieces(bytes, length), { size, [algorithm]: digest(algorithm, bytes) });

      expect(error).toBeNull();
      expect(received.equals(bytes)).toBe(true);
    }
  });

  it.each(SIZES.filter((size) => size > 0))('holds the end of %i bytes back when the last one is wrong', async (size) => {
    const bytes = patterned(size);
    const wrong = Buffer.from(bytes);
    wrong[size - 1] = (wrong[size - 1] ?? 0) ^ 1;

    for (const length of SPLITS) {
      const { bytes: received, error } = await passed(pieces(wrong, length), { [algorithm]: digest(algorithm, bytes) });

      expect(isProxyError(error, 'integrity')).toBe(true);
      expect(received.length).toBeLessThanOrEqual(Math.max(0, size - HELD_BACK_BYTES));
      expect(received.equals(bytes.subarray(0, received.length))).toBe(true);
    }
  });
});

describe('size', () => {
  it.each([
    [10, 9],
    [1, 0],
    [HELD_BACK_BYTES + 5, HELD_BACK_BYTES + 4],
  ])('of %i is not met by %i bytes', async (size, given) => {
    const bytes = patterned(size);

    const { bytes: received, error } = await passed([bytes.subarray(0, given)], { size, sha256: digest('sha256', bytes) });

    expect(isProxyError(error, 'integrity')).toBe(true);
    expect(received.length).toBeLessThanOrEqual(Math.max(0, given - HELD_BACK_BYTES));
  });

  it('is a limit: what is too long is cut off at once, not read to its end', async () => {
    let asked = 0;
    const endless = Readable.from((function* () {
      for (;;) {
        asked += 1;
        yield Buffer.alloc(1_000);
      }
    })());
    const checked = new VerifyingStream({ size: 5_500 }, 'subject');

    const error: unknown = await pipeline(endless, checked, new Writable({ write: (_chunk, _encoding, done) => done() })).catch((reason: unknown) => reason);

    expect(isProxyError(error, 'integrity')).toBe(true);
    expect(asked).toBeLessThan(50);
    expect(endless.destroyed).toBe(true);
  });

  it('of nothing is met by nothing', async () => {
    expect((await passed([], { size: 0, sha256: digest('sha256', Buffer.alloc(0)) })).error).toBeNull();
    expect((await passed([], { size: 0, sha256: digest('sha256', Buffer.from('x')) })).error).toMatchObject({ code: 'integrity' });
    expect((await passed([Buffer.from('x')], { size: 0 })).error).toMatchObject({ code: 'integrity' });
  });
});

it('checks every digest that is given', async () => {
  const bytes = patterned(100);
  const right = Object.fromEntries(ALGORITHMS.map((algorithm) => [algorithm, digest(algorithm, bytes)]));

  expect((await passed([bytes], right)).error).toBeNull();
  for (const algorithm of ALGORITHMS) {
    const { error } = await passed([bytes], { ...right, [algorithm]: digest(algorithm, Buffer.from('other')) });

    expect(error).toMatchObject({ code: 'integrity', message: expect.stringContaining(algorithm) as string });
  }
});

it('never lets a changed body through, wherever it was cut and changed', async () => {
  await fc.assert(fc.asyncProperty(
    fc.integer({ min: 1, max: 200_000 }),
    fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1, maxLength: 6 }),
    fc.double({ min: 0, max: 0.999_999, noNaN: true }),
    async (size, cuts, where) => {
      const bytes = Buffer.alloc(size, 7);
      const changed = Buffer.from(bytes);
      changed[Math.floor(where * size)] = 8;
      const chunks: Buffer[] = [];
      for (let at = 0, cut = 0; at < size; cut += 1) {
        const length = cuts[cut % cuts.length] ?? 1;
        chunks.push(changed.subarray(at, at + length));
        at += length;
      }

      const { bytes: received, error } = await passed(chunks, { size, sha256: digest('sha256', bytes) });

      expect(isProxyError(error, 'integrity')).toBe(true);
      expect(received.length).toBeLessThanOrEqual(Math.max(0, size - HELD_BACK_BYTES));
    },
  ), { numRuns: 60 });
});

it('does not run ahead of a slow reader', async () => {
  let produced = 0;
  const source = Readable.from((function* () {
    for (let at = 0; at < 1_000; at += 1) {
      produced += 65_536;
      yield Buffer.alloc(65_536);
    }
  })(), { objectMode: false, highWaterMark: 65_536 });
  const checked = source.pipe(new VerifyingStream({}, 'subject'));

  await new Promise((resolve) => setTimeout(resolve, 50));

  expect(produced).toBeLessThan(1_000_000);
  checked.destroy();
  source.destroy();
});
