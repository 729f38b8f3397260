import { createHash } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';

const CHUNK_BYTES = 256 * 1024;

/** The content of a file, within the spool. */
export interface SpooledContent {
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** One temporary file that the contents of all files of a module are appended to. */
export class ModuleSpool {
  readonly #path: string;
  readonly #handle: FileHandle;
  #size = 0;

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  /** Makes a new file at `path`. */
  static async create(path: string): Promise<ModuleSpool> {
    return new ModuleSpool(path, await open(path, 'w+', 0o600));
  }

  /** Bytes so far. */
  get size(): number {
    return this.#size;
  }

  /** Appends what `read` gives, piece by piece. */
  async add(read: (take: (piece: Buffer) => unknown) => Promise<void>): Promise<SpooledContent> {
    const offset = this.#size;
    const hash = createHash('sha256');
    await read(async (piece) => {
      hash.update(piece);
      await this.#append(piece);
    });
    return { offset, size: this.#size - offset, sha256: hash.digest('hex') };
  }

  /** Its bytes as a stream. */
  stream(content: SpooledContent): Readable {
    return Readable.from(this.#pieces(content), { objectMode: false });
  }

  /** Its first bytes, `limit` at most. */
  async start({ offset, size }: SpooledContent, limit: number): Promise<Buffer> {
    const wanted = Math.min(size, limit);
    const { buffer, bytesRead } = await this.#handle.read(Buffer.alloc(wanted), 0, wanted, offset);
    return buffer.subarray(0, bytesRead);
  }

  /** Removes the file. Never throws. */
  async dispose(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
    await rm(this.#path, { force: true }).catch(() => undefined);
  }

  async *#pieces({ offset, size, sha256 }: SpooledContent): AsyncGenerator<Buffer> {
    for (let at = 0; at < size; at += CHUNK_BYTES) {
      yield await this.start({ offset: offset + at, size: size - at, sha256 }, CHUNK_BYTES);
    }
  }

  async #append(piece: Buffer): Promise<void> {
    for (let at = 0; at < piece.length; ) {
      const { bytesWritten } = await this.#handle.write(piece, at, piece.length - at, this.#size);
      at += bytesWritten;
      this.#size += bytesWritten;
    }
  }
}
