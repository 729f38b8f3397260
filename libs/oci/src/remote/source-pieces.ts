import type { Readable } from 'node:stream';

import { ProxyError } from '@oci-package-proxy/errors';

import type { BlobSource } from '../ports/repository.ts';
import { verifiedSource } from '../verify/verified-source.ts';
import { PulledStream } from './pulled-stream.ts';

interface Reader {
  readonly stream: Readable;
  readonly bytes: AsyncIterator<Buffer>;
  /** Came with a piece before it, and belongs to the next one. */
  rest: Buffer;
  position: number;
}

/**
 * A source in pieces, one after the other, verified as its bytes come: the last bytes of the last piece come only when all of it is
 * right. A piece that begins where the one before ended goes on reading; any other reads the source again from its start. Nothing is kept.
 */
export class SourcePieces {
  readonly #source: BlobSource;
  readonly #owner: string;
  #reader: Reader | null = null;

  /** @param owner whose blob it is, for error texts: the repository's name. */
  constructor(source: BlobSource, owner: string) {
    this.#source = source;
    this.#owner = owner;
  }

  /** `length` bytes from `start`; the piece before must be done with. The stream fails with what the source fails with. @throws ProxyError what opening it failed with. */
  piece(start: number, length: number): Readable {
    const reader = this.#readerAt(start);
    let whole = false;
    const bytes = this.#bytes(reader, { start, length, onWhole: () => (whole = true) });
    return new PulledStream(bytes, () => {
      if (!whole) {
        this.close();
      }
    });
  }

  /** Lets go of the source. */
  close(): void {
    this.#reader?.stream.destroy();
    this.#reader = null;
  }

  #readerAt(start: number): Reader {
    if (this.#reader?.position === start) {
      return this.#reader;
    }
    this.close();
    const stream = verifiedSource(this.#source, this.#owner);
    this.#reader = { stream, bytes: (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator](), rest: Buffer.alloc(0), position: 0 };
    return this.#reader;
  }

  async *#bytes(reader: Reader, piece: { readonly start: number; readonly length: number; onWhole(): void }): AsyncGenerator<Buffer, void> {
    while (reader.position < piece.start) {
      await this.#next(reader, piece.start - reader.position);
    }
    for (let left = piece.length; left > 0; ) {
      const bytes = await this.#next(reader, left);
      left -= bytes.length;
      if (left === 0) {
        piece.onWhole();
      }
      yield bytes;
    }
  }

  async #next(reader: Reader, most: number): Promise<Buffer> {
    if (reader.rest.length === 0) {
      const step = await reader.bytes.next();
      if (step.done === true) {
        throw new ProxyError('internal', `reading the source of blob ${this.#source.digest} of ${this.#owner}: it was let go of`);
      }
      reader.rest = step.value;
    }
    const bytes = reader.rest.subarray(0, most);
    reader.rest = reader.rest.subarray(bytes.length);
    reader.position += bytes.length;
    return bytes;
  }
}
