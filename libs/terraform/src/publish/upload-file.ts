import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';

import { ProxyError } from '@oci-package-proxy/errors';
import { onDisk, TemporaryFile } from '@oci-package-proxy/platform/files';

import { shown } from '../archives/archive-failure.ts';

/** A temporary file that is hashed while it is written. The writer waits for the disk: memory holds one piece. */
export class UploadFile {
  readonly #file: TemporaryFile;
  readonly #hash = createHash('sha256');
  #sha256: string | null = null;

  private constructor(file: TemporaryFile) {
    this.#file = file;
  }

  /** Makes a new file in `directory`. @throws ProxyError `storage-unavailable` when the disk does not take it. */
  static async create(directory: string): Promise<UploadFile> {
    return new UploadFile(await TemporaryFile.create(directory));
  }

  get path(): string {
    return this.#file.path;
  }

  /** Bytes so far. */
  get size(): number {
    return this.#file.size;
  }

  /** Lower-case hex of the finished file. @throws ProxyError `internal` before {@link finish}. */
  get sha256(): string {
    if (this.#sha256 === null) {
      throw new ProxyError('internal', 'The file is not finished.');
    }
    return this.#sha256;
  }

  /** Appends bytes. @throws ProxyError `storage-unavailable`. */
  async write(bytes: Buffer): Promise<void> {
    await this.#file.write(bytes, [this.#hash]);
  }

  /** Closes the file: it is whole. @throws ProxyError `storage-unavailable`. */
  async finish(): Promise<void> {
    await this.#file.close();
    this.#sha256 = this.#hash.digest('hex');
  }

  /** Removes the file, however far it is. Never throws. */
  async dispose(): Promise<void> {
    await this.#file.dispose();
  }
}

/** Sees that a file stays within its limit. @param how `limit`: the most that it may have, in bytes. @throws ProxyError `too-large`. */
export function checkRoom(file: Pick<UploadFile, 'size'>, chunk: Buffer, how: { readonly name: string; readonly limit: number }): void {
  if (file.size + chunk.length > how.limit) {
    throw new ProxyError('too-large', `${shown(how.name)} is larger than the ${how.limit} bytes that such a file may have here.`);
  }
}

/**
 * Writes everything that comes, and finishes the file.
 * @throws ProxyError `too-large`, `storage-unavailable`; what the source throws.
 */
export async function fill(file: UploadFile, chunks: AsyncIterable<Buffer> | Iterable<Buffer>, how: { readonly name: string; readonly limit: number }): Promise<void> {
  for await (const chunk of chunks) {
    checkRoom(file, chunk, how);
    await file.write(chunk);
  }
  await file.finish();
}

/**
 * Writes everything that comes to a new file in `directory`.
 * @returns the finished file, which the caller disposes of. None is left when it throws.
 * @throws ProxyError `too-large`, `storage-unavailable`; what the source throws.
 */
export async function fileOf(chunks: AsyncIterable<Buffer> | Iterable<Buffer>, how: { readonly directory: string; readonly name: string; readonly limit: number }): Promise<UploadFile> {
  const file = await UploadFile.create(how.directory);
  try {
    await fill(file, chunks, how);
    return file;
  } catch (error) {
    await file.dispose();
    throw error;
  }
}

/**
 * {@link fileOf} of a stream from storage, which is closed whatever happens.
 * @throws ProxyError as {@link fileOf}, `integrity`.
 */
export async function storedFile(stream: Readable, how: { readonly directory: string; readonly name: string; readonly limit: number }): Promise<UploadFile> {
  // It may fail before it is read, and whoever reads it then is told.
  stream.on('error', () => undefined);
  try {
    return await fileOf(stream as AsyncIterable<Buffer>, how);
  } finally {
    stream.destroy();
  }
}

/** The bytes of a small file. @throws ProxyError `storage-unavailable`. */
export async function bytesOf(path: string): Promise<Buffer> {
  return onDisk(() => readFile(path));
}
