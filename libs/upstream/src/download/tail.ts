/** Bytes in memory that their only reader has not taken yet, beyond what the held-back end needs. */
const WINDOW_BYTES = 192 * 1024;

/**
 * The part of a download that has no place in the spool: it goes from the source to one reader through this window,
 * and the source waits for the reader.
 */
export class Tail {
  /** Where it begins in the file, in bytes. */
  readonly start: number;
  #chunks: Buffer[] = [];
  #begin: number;
  #bytes = 0;
  #room: (() => void) | null = null;

  constructor(start: number) {
    this.start = start;
    this.#begin = start;
  }

  /** Takes a chunk in at once; the promise is for whoever has the next one. */
  push(chunk: Buffer): Promise<void> {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes <= WINDOW_BYTES) {
      return Promise.resolve();
    }
    const room = Promise.withResolvers<void>();
    this.#room = room.resolve;
    return room.promise;
  }

  /** The next bytes from `offset` on, before `limit`; what lies before `offset` is let go. Empty when there are none. */
  take(offset: number, limit: number): Buffer {
    this.letGo(offset);
    const first = this.#chunks[0];
    if (first === undefined || this.#begin >= limit) {
      return Buffer.alloc(0);
    }
    const taken = first.subarray(0, Math.min(first.length, limit - this.#begin));
    this.letGo(this.#begin + taken.length);
    return taken;
  }

  /** What lies before this offset is not wanted any more. */
  letGo(before: number): void {
    for (let first = this.#chunks[0]; first !== undefined && this.#begin < before; first = this.#chunks[0]) {
      const gone = Math.min(first.length, before - this.#begin);
      this.#begin += gone;
      this.#bytes -= gone;
      if (gone === first.length) {
        this.#chunks.shift();
      } else {
        this.#chunks[0] = first.subarray(gone);
      }
    }
    if (this.#room !== null && this.#bytes <= WINDOW_BYTES) {
      this.#room();
      this.#room = null;
    }
  }
}
