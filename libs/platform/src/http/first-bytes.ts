import { Readable } from 'node:stream';

/** The first `count` bytes of a stream, which is let go of then. */
export function firstBytes(stream: Readable, count: number): Readable {
  return Readable.from(take(stream, count), { objectMode: false });
}

async function* take(stream: Readable, count: number): AsyncGenerator<Buffer> {
  let left = count;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const part = chunk.subarray(0, left);
    left -= part.length;
    yield part;
    if (left === 0) {
      return;
    }
  }
}
