import { createReadStream } from 'node:fs';
import { readFile, stat, utimes } from 'node:fs/promises';
import { PassThrough, pipeline, type Readable, type Transform } from 'node:stream';

import { ProxyError } from '@oci-package-proxy/errors';

import { type Digest, digestOf } from '../model/digest.ts';
import { MAX_MANIFEST_BYTES } from '../model/manifest-bytes.ts';
import type { BlobBody, BlobSource, ByteRange, CallOptions } from '../ports/repository.ts';
import { checkRange } from '../verify/byte-range.ts';
import { verifiedSource } from '../verify/verified-source.ts';
import { VerifyingStream } from '../verify/verifying-stream.ts';
import { syncDirectory } from './directory-sync.ts';
import { replaceName, writeTemporary, writeTemporaryBytes } from './durable-file.ts';
import { isMissing, layoutFailure, orNull } from './failure.ts';
import type { LayoutFolder } from './layout-folder.ts';

const READ_BYTES = 256 * 1024;

/** The content under `blobs/sha256` of one layout: files and manifests alike. Throws raw errors of the file system. */
export class LayoutBlobs {
  readonly #folder: LayoutFolder;
  readonly #owner: string;

  /** @param owner the repository's name, for error texts. */
  constructor(folder: LayoutFolder, owner: string) {
    this.#folder = folder;
    this.#owner = owner;
  }

  /** Bytes, or null when it is not there. */
  async size(digest: Digest): Promise<number | null> {
    return (await orNull(stat(this.#folder.blob(digest))))?.size ?? null;
  }

  /** @throws ProxyError `range-not-satisfiable`. */
  async read(digest: Digest, options: CallOptions & { readonly range?: ByteRange }): Promise<BlobBody | null> {
    const size = await this.size(digest);
    if (size === null) {
      return null;
    }
    const { range, signal } = options;
    const subject = `blob ${digest} of repository ${this.#owner}`;
    if (range !== undefined) {
      checkRange(range, size, subject);
    }
    const source = createReadStream(this.#folder.blob(digest), { ...range, highWaterMark: READ_BYTES, signal });
    const through = range === undefined ? new VerifyingStream({ size, sha256: digest.slice('sha256:'.length) }, subject) : new PassThrough();
    return { size, stream: passed(source, through, subject) };
  }

  /** A whole small blob, or null when it is not there or larger than any manifest. @throws ProxyError `integrity`. */
  async readSmall(digest: Digest): Promise<Buffer | null> {
    const path = this.#folder.blob(digest);
    const size = await this.size(digest);
    const bytes = size === null || size > MAX_MANIFEST_BYTES ? null : await orNull(readFile(path));
    if (bytes !== null && digestOf(bytes) !== digest) {
      throw new ProxyError('integrity', `The blob ${digest} of repository ${this.#owner} does not have that digest: the storage directory is damaged.`);
    }
    return bytes;
  }

  /** Stores a blob unless it is there; its name becomes durable by {@link LayoutBlobs.sync}. @throws ProxyError `integrity`, `aborted`. */
  async write(source: BlobSource, signal: AbortSignal | undefined): Promise<void> {
    const path = this.#folder.blob(source.digest);
    if (await this.#isThere(source.digest, source.size)) {
      return;
    }
    await replaceName(await writeTemporary(this.#folder.ingest, verifiedSource(source, this.#owner), signal), path);
  }

  /** Stores bytes, which must have the digest, unless they are there; as durable as by {@link LayoutBlobs.write}. */
  async writeSmall(digest: Digest, bytes: Buffer): Promise<void> {
    if (!(await this.#isThere(digest, bytes.length))) {
      await replaceName(await writeTemporaryBytes(this.#folder.ingest, bytes), this.#folder.blob(digest));
    }
  }

  /**
   * Tells a collector of old blobs that this one is wanted: what it did not remove before, it leaves alone for its grace period.
   * @returns whether it is there.
   */
  async touch(digest: Digest): Promise<boolean> {
    const path = this.#folder.blob(digest);
    try {
      const now = new Date();
      await utimes(path, now, now);
      return true;
    } catch (error) {
      // Another user's file, whose time is not ours to set.
      return !isMissing(error) && (await this.size(digest)) !== null;
    }
  }

  /** Makes all that was written before durable, whoever wrote it. */
  async sync(): Promise<void> {
    await syncDirectory(this.#folder.blobs);
  }

  async #isThere(digest: Digest, size: number): Promise<boolean> {
    if ((await this.size(digest)) !== size) {
      return false;
    }
    return this.touch(digest);
  }
}

function passed(source: Readable, through: Transform, subject: string): Readable {
  // Before pipeline's own listener, so that the reader sees a coded error on the stream that it holds.
  source.once('error', (error) => through.destroy(layoutFailure(error, `read ${subject}`)));
  return pipeline(source, through, () => undefined);
}
