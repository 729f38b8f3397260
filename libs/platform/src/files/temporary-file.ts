import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { ProxyError } from '@oci-package-proxy/errors';

/** What counts bytes on their way to the disk. */
export interface FileHash {
  update(bytes: Buffer): unknown;
}

/** A temporary file of an upload. The writer waits for the disk: memory holds one piece. */
export class TemporaryFile {
  readonly path: string;
  readonly #handle: FileHandle;
  #size = 0;
  #closed = false;

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  /** Makes a new file in `directory`. @throws ProxyError `storage-unavailable` when the disk does not take it. */
  static async create(directory: string): Promise<TemporaryFile> {
    const path = join(directory, `upload-${randomUUID()}`);
    return new TemporaryFile(path, await onDisk(() => open(path, 'wx', 0o600)));
  }

  /** Bytes so far. */
  get size(): number {
    return this.#size;
  }

  /** Appends bytes, counted by each of `hashes` while the disk writes. @throws ProxyError `storage-unavailable`. */
  async write(bytes: Buffer, hashes: Iterable<FileHash>): Promise<void> {
    const written = onDisk(() => writeAll(this.#handle, bytes));
    for (const hash of hashes) {
      hash.update(bytes);
    }
    await written;
    this.#size += bytes.length;
  }

  /** Ends the writing. @throws ProxyError `storage-unavailable`. */
  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      await onDisk(() => this.#handle.close());
    }
  }

  /** Removes the file, however far it is. Never throws. */
  async dispose(): Promise<void> {
    await this.close().catch(() => undefined);
    await rm(this.path, { force: true }).catch(() => undefined);
  }
}

/** Work with temporary files. @throws ProxyError `storage-unavailable` when the disk fails. */
export async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new ProxyError('storage-unavailable', 'Keeping the uploaded file: the temporary directory of this server cannot be written or read. Try again later.', { cause: error });
  }
}

async function writeAll(handle: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    at += (await handle.write(bytes, at, bytes.length - at)).bytesWritten;
  }
}
