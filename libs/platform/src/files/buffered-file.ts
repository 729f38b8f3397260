import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';

import { RandomAccessReader } from 'yauzl';

const WINDOW_BYTES = 64 * 1024;

type ReadCallback = (error: Error | null, bytesRead?: number) => void;

/** A file for yauzl, which reads a central directory in two small pieces for every entry: one read of the disk serves many of them. */
export class BufferedFile extends RandomAccessReader {
  readonly #handle: FileHandle;
  readonly #window = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  #start = 0;
  #length = 0;

  constructor(handle: FileHandle) {
    super();
    this.#handle = handle;
  }

  override read(buffer: Buffer, offset: number, length: number, position: number, callback: ReadCallback): void {
    void this.readInto(buffer.subarray(offset, offset + length), position).then((bytesRead) => callback(null, bytesRead), callback);
  }

  /** Fills `target` from `position` on. @returns how many bytes there were, less only at the end of the file. */
  async readInto(target: Buffer, position: number): Promise<number> {
    if (target.length > WINDOW_BYTES) {
      return this.#readWhole(target, position);
    }
    if (position < this.#start || position + target.length > this.#start + this.#length) {
      this.#length = await this.#readWhole(this.#window, position);
      this.#start = position;
    }
    const at = position - this.#start;
    return this.#window.copy(target, 0, at, Math.min(at + target.length, this.#length));
  }

  /** The handle is not ours to close. */
  override close(callback: (error: Error | null) => void): void {
    callback(null);
  }

  /** Nothing is read as a stream here. */
  override _readStreamForRange(): Readable {
    return Readable.from([]);
  }

  async #readWhole(target: Buffer, position: number): Promise<number> {
    let used = 0;
    while (used < target.length) {
      const { bytesRead } = await this.#handle.read(target, used, target.length - used, position + used);
      if (bytesRead === 0) {
        break;
      }
      used += bytesRead;
    }
    return used;
  }
}
