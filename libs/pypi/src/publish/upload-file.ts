import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { createBLAKE2b } from 'hash-wasm';

import { ProxyError } from '@oci-package-proxy/errors';

/** How a client may say what it sends: the fields `sha256_digest`, `blake2_256_digest` and `md5_digest`. */
export type DigestKind = 'sha256' | 'blake2_256' | 'md5';

interface Hash {
  update(bytes: Buffer): unknown;
  digest(encoding: 'hex'): string;
}

/** A temporary file that is hashed while it is written. The writer waits for the disk: memory holds one piece. */
export class UploadFile {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #hashes: ReadonlyMap<DigestKind, Hash>;
  readonly #digests = new Map<DigestKind, string>();
  #size = 0;
  #closed = false;

  private constructor(path: string, handle: FileHandle, hashes: ReadonlyMap<DigestKind, Hash>) {
    this.path = path;
    this.#handle = handle;
    this.#hashes = hashes;
  }

  /**
   * Makes a new file in `directory`.
   * @param kinds what is counted on the way, besides sha256.
   * @throws ProxyError `storage-unavailable` when the disk does not take it.
   */
  static async create(directory: string, kinds: Iterable<DigestKind>): Promise<UploadFile> {
    const hashes = new Map<DigestKind, Hash>();
    for (const kind of new Set<DigestKind>(['sha256', ...kinds])) {
      hashes.set(kind, await newHash(kind));
    }
    const path = join(directory, `upload-${randomUUID()}`);
    return new UploadFile(path, await onDisk(() => open(path, 'wx', 0o600)), hashes);
  }

  /** Bytes so far. */
  get size(): number {
    return this.#size;
  }

  /** Appends bytes. @throws ProxyError `storage-unavailable`. */
  async write(bytes: Buffer): Promise<void> {
    const written = onDisk(() => writeAll(this.#handle, bytes));
    // The disk writes while the hashes are counted.
    for (const hash of this.#hashes.values()) {
      hash.update(bytes);
    }
    await written;
    this.#size += bytes.length;
  }

  /** Closes the file: it is whole. @throws ProxyError `storage-unavailable`. */
  async finish(): Promise<void> {
    await this.#close();
    for (const [kind, hash] of this.#hashes) {
      this.#digests.set(kind, hash.digest('hex'));
    }
  }

  /**
   * A digest of the finished file, in lower-case hex. What was not counted on the way, as it was declared after the file, is
   * counted by reading the file again.
   * @throws ProxyError `storage-unavailable`.
   */
  async digest(kind: DigestKind): Promise<string> {
    const digest = this.#digests.get(kind) ?? (await onDisk(() => digestOfFile(this.path, kind)));
    this.#digests.set(kind, digest);
    return digest;
  }

  /** Removes the file, however far it is. Never throws. */
  async dispose(): Promise<void> {
    await this.#close().catch(() => undefined);
    await rm(this.path, { force: true }).catch(() => undefined);
  }

  async #close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      await onDisk(() => this.#handle.close());
    }
  }
}

async function newHash(kind: DigestKind): Promise<Hash> {
  // Node's own blake2b is the one of 512 bits alone.
  return kind === 'blake2_256' ? (await createBLAKE2b(256)).init() : createHash(kind);
}

async function digestOfFile(path: string, kind: DigestKind): Promise<string> {
  const hash = await newHash(kind);
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk as Buffer);
  }
  return hash.digest('hex');
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
    throw new ProxyError('storage-unavailable', 'Keeping the uploaded file: the temporary directory of this server cannot be written or read. Try again later.', { cause: error });
  }
}
