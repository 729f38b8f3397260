import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

import { createBLAKE2b } from 'hash-wasm';

import { type FileHash, onDisk, TemporaryFile } from '@oci-package-proxy/platform/files';

/** How a client may say what it sends: the fields `sha256_digest`, `blake2_256_digest` and `md5_digest`. */
export type DigestKind = 'sha256' | 'blake2_256' | 'md5';

interface Hash extends FileHash {
  digest(encoding: 'hex'): string;
}

/** A temporary file that is hashed while it is written. The writer waits for the disk: memory holds one piece. */
export class UploadFile {
  readonly #file: TemporaryFile;
  readonly #hashes: ReadonlyMap<DigestKind, Hash>;
  readonly #digests = new Map<DigestKind, string>();

  private constructor(file: TemporaryFile, hashes: ReadonlyMap<DigestKind, Hash>) {
    this.#file = file;
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
    return new UploadFile(await TemporaryFile.create(directory), hashes);
  }

  get path(): string {
    return this.#file.path;
  }

  /** Bytes so far. */
  get size(): number {
    return this.#file.size;
  }

  /** Appends bytes. @throws ProxyError `storage-unavailable`. */
  async write(bytes: Buffer): Promise<void> {
    await this.#file.write(bytes, this.#hashes.values());
  }

  /** Closes the file: it is whole. @throws ProxyError `storage-unavailable`. */
  async finish(): Promise<void> {
    await this.#file.close();
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
    await this.#file.dispose();
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
