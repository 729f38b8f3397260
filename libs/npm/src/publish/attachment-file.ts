import { createHash } from 'node:crypto';

import { TemporaryFile } from '@oci-package-proxy/platform/files';

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
  readonly #file: TemporaryFile;
  readonly #hashes = { sha1: createHash('sha1'), sha256: createHash('sha256'), sha512: createHash('sha512') };
  readonly #text = new Base64Text();
  readonly #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #used = 0;

  private constructor(file: TemporaryFile) {
    this.#file = file;
  }

  /** Makes a new file in `directory`. @throws ProxyError `storage-unavailable` when the disk does not take it. */
  static async create(directory: string): Promise<AttachmentFile> {
    return new AttachmentFile(await TemporaryFile.create(directory));
  }

  get path(): string {
    return this.#file.path;
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
    await this.#file.close();
    const { sha1, sha256, sha512 } = this.#hashes;
    return { path: this.path, size: this.#file.size, sha1: sha1.digest('hex'), sha256: sha256.digest('hex'), sha512: sha512.digest('hex') };
  }

  /** Removes the file, however far it is. Never throws. */
  async dispose(): Promise<void> {
    await this.#file.dispose();
  }

  async #filled(bytes: number): Promise<void> {
    this.#used += bytes;
    // Less than a group of base64 left; only a padded group, the last of all, leaves a remainder.
    if (BUFFER_BYTES - this.#used < 3) {
      await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    await this.#file.write(this.#buffer.subarray(0, this.#used), Object.values(this.#hashes));
    this.#used = 0;
  }
}
