import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { ProxyError } from '@oci-package-proxy/errors';

import { badBase64, Base64Text, decodedSize } from './base64-text.ts';

// A multiple of three, as four characters of base64 are three bytes.
const BUFFER_BYTES = 3 * 84 * 1024;

/** What was written, measured. */
export interface MeasuredFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Hex digits, as the other two. */
  readonly sha1: string;
  readonly sha256: string;
  readonly sha512: string;
}

/** A temporary file that is hashed while it is written. The writer waits for the disk: memory holds one buffer. */
export class AttachmentFile {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #hashes = { sha1: createHash('sha1'), sha256: createHash('sha256'), sha512: createHash('sha512') };
  readonly #text = new Base64Text();
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #used = 0;
  #size = 0;
  #closed = false;

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  /** Makes a new file in `directory`. @throws ProxyError `storage-unavailable` when the disk does not take it. */
  static async create(directory: string): Promise<AttachmentFile> {
    const path = join(directory, `upload-${randomUUID()}`);
    return new AttachmentFile(path, await onDisk(() => open(path, 'wx', 0o600)));
  }

  /** Appends bytes. @throws ProxyError `storage-unavailable`. */
  async write(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const copied = bytes.copy(this.#buffer, this.#used, at);
      at += copied;
      await this.#filled(copied);
    }
  }

  /** Appends what a piece of base64 in a JSON string says. @throws ProxyError `invalid` for bad base64, `storage-unavailable`. */
  async writeBase64(bytes: Buffer): Promise<void> {
    const text = this.#text.push(bytes);
    for (let at = 0; at < text.length; ) {
      const groups = text.slice(at, at + Math.floor((BUFFER_BYTES - this.#used) / 3) * 4);
      const written = this.#buffer.write(groups, this.#used, 'base64');
      if (written !== decodedSize(groups)) {
        throw badBase64();
      }
      at += groups.length;
      await this.#filled(written);
    }
  }

  /** Writes the last of it and closes the file. @throws ProxyError `invalid`, `storage-unavailable`. */
  async finish(): Promise<MeasuredFile> {
    this.#text.end();
    await this.#flush();
    await this.#close();
    const { sha1, sha256, sha512 } = this.#hashes;
    return { path: this.path, size: this.#size, sha1: sha1.digest('hex'), sha256: sha256.digest('hex'), sha512: sha512.digest('hex') };
  }

  /** Removes the file, however far it is. Never throws. */
  async dispose(): Promise<void> {
    await this.#close().catch(() => undefined);
    await rm(this.path, { force: true }).catch(() => undefined);
  }

  async #filled(bytes: number): Promise<void> {
    this.#used += bytes;
    // Less than a group of base64 left; only a padded group, the last of all, leaves a remainder.
    if (BUFFER_BYTES - this.#used < 3) {
      await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    const bytes = this.#buffer.subarray(0, this.#used);
    const written = onDisk(() => writeAll(this.#handle, bytes));
    // The disk writes while the hashes are counted.
    for (const hash of Object.values(this.#hashes)) {
      hash.update(bytes);
    }
    await written;
    this.#size += bytes.length;
    this.#used = 0;
  }

  async #close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      await onDisk(() => this.#handle.close());
    }
  }
}

async function writeAll(handle: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    at += (await handle.write(bytes, at, bytes.length - at)).bytesWritten;
  }
}

async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new ProxyError('storage-unavailable', 'Keeping the uploaded file: the temporary directory of this server cannot be written. Try again later.', { cause: error });
  }
}
