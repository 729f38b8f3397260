import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

import { ProxyError } from '@oci-package-proxy/errors';

const GZIP = Buffer.from([0x1f, 0x8b]);

/** How a body is read. */
export interface BodyReading {
  /** The most that it may have, both as sent and unpacked. */
  readonly limitBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The bytes of a request body, unpacked where they are gzip (no JSON text begins as gzip does). The request itself is not
 * destroyed on failure, as the answer still has to go out on its socket; only `signal` destroys it.
 * @throws ProxyError `too-large`, `invalid` for gzip that is none or breaks off, `aborted` when the sender leaves.
 */
export async function* bodyChunks(body: Readable, how: BodyReading): AsyncGenerator<Buffer> {
  const abort = (): void => void body.destroy();
  how.signal?.addEventListener('abort', abort, { once: true });
  try {
    if (how.signal?.aborted === true) {
      throw new ProxyError('aborted', 'Reading the body: aborted before its end.');
    }
    const sent = sentChunks(body, how.limitBytes);
    const start = await firstBytes(sent);
    if (start.subarray(0, GZIP.length).equals(GZIP)) {
      yield* limited(unpacked(start, sent), how.limitBytes);
      return;
    }
    if (start.length > 0) {
      yield start;
    }
    yield* sent;
  } finally {
    how.signal?.removeEventListener('abort', abort);
  }
}

async function* sentChunks(body: Readable, limitBytes: number): AsyncGenerator<Buffer> {
  try {
    yield* limited(body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>, limitBytes);
  } catch (error) {
    if (error instanceof ProxyError) {
      throw error;
    }
    throw new ProxyError('aborted', 'Reading the body: the sender left before its end.', { cause: error });
  }
}

/** Enough to tell gzip by; less only where the body is shorter. */
async function firstBytes(sent: AsyncGenerator<Buffer>): Promise<Buffer> {
  let start: Buffer = Buffer.alloc(0);
  while (start.length < GZIP.length) {
    const next = await sent.next();
    if (next.done === true) {
      break;
    }
    start = start.length === 0 ? next.value : Buffer.concat([start, next.value]);
  }
  return start;
}

async function* unpacked(start: Buffer, sent: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  const pumping = pipeline(Readable.from(withStart(start, sent), { objectMode: false }), gunzip);
  // What fails here fails the reading of gunzip too.
  pumping.catch(() => undefined);
  try {
    yield* gunzip as AsyncIterable<Buffer>;
    await pumping;
  } catch (error) {
    if (error instanceof ProxyError) {
      throw error;
    }
    throw new ProxyError('invalid', 'The body begins as gzip, but is not gzip to its end.', { cause: error });
  } finally {
    gunzip.destroy();
  }
}

async function* withStart(start: Buffer, sent: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  yield start;
  yield* sent;
}

async function* limited(source: AsyncIterable<Buffer>, limitBytes: number): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > limitBytes) {
      throw new ProxyError('too-large', `The body is larger than the ${limitBytes} bytes that are allowed here.`);
    }
    yield chunk;
  }
}
