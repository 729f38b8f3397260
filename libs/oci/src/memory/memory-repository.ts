import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import { ProxyError } from '@oci-package-proxy/errors';

import { type Digest, isDigest } from '../model/digest.ts';
import { isTag } from '../model/grammar.ts';
import { checkManifestBytes, parseManifest, referencesOf } from '../model/manifest-bytes.ts';
import { INDEX_MEDIA_TYPE, type ManifestBytes } from '../model/manifest.ts';
import type { BlobBody, BlobSource, ByteRange, CallOptions, Repository, TagCreator, TagDeleter } from '../ports/repository.ts';
import { checkRange } from '../verify/byte-range.ts';
import { checkSource, verifiedSource } from '../verify/verified-source.ts';
import { VerifyingStream } from '../verify/verifying-stream.ts';
import type { MemoryRequests } from './memory-requests.ts';

/** What one repository holds; shared by all views. */
export interface StoredRepository {
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, ManifestBytes>;
  readonly tags: Map<string, Digest>;
}

/** What a {@link MemoryRepository} is made of. */
export interface MemoryRepositoryParts {
  readonly name: string;
  readonly stored: StoredRepository;
  readonly requests: MemoryRequests;
  /** Tags a page. */
  readonly pageSize: number;
}

/** One repository of a registry in memory, whose tags can be replaced only. */
export class MemoryRepository implements Repository, TagDeleter {
  readonly name: string;
  protected readonly stored: StoredRepository;
  protected readonly requests: MemoryRequests;
  readonly #pageSize: number;

  constructor(parts: MemoryRepositoryParts) {
    this.name = parts.name;
    this.stored = parts.stored;
    this.requests = parts.requests;
    this.#pageSize = parts.pageSize;
  }

  async statBlob(digest: Digest, options?: CallOptions): Promise<number | null> {
    checkDigest(digest);
    return this.requests.read({ kind: 'stat-blob', reference: digest, effect: () => this.stored.blobs.get(digest)?.length ?? null }, options);
  }

  async readBlob(digest: Digest, options: CallOptions & { readonly range?: ByteRange } = {}): Promise<BlobBody | null> {
    checkDigest(digest);
    const bytes = await this.requests.read({ kind: 'read-blob', reference: digest, effect: () => this.stored.blobs.get(digest) ?? null }, options);
    if (bytes === null) {
      return null;
    }
    const { range } = options;
    const subject = `blob ${digest} of repository ${this.name}`;
    if (range === undefined) {
      const verified = new VerifyingStream({ size: bytes.length, sha256: digest.slice('sha256:'.length) }, subject);
      return { size: bytes.length, stream: bytesOf(bytes).pipe(verified) };
    }
    checkRange(range, bytes.length, subject);
    return { size: bytes.length, stream: bytesOf(bytes.subarray(range.start, range.end + 1)) };
  }

  async writeBlob(source: BlobSource, options: CallOptions = {}): Promise<void> {
    checkSource(source, `writing a blob in repository ${this.name}`);
    const bytes = await received(verifiedSource(source, this.name), options.signal);
    await this.requests.write({
      kind: 'write-blob',
      reference: source.digest,
      success: undefined,
      effect: () => {
        if (!this.stored.blobs.has(source.digest)) {
          this.stored.blobs.set(source.digest, bytes);
        }
      },
    }, options);
  }

  async readManifest(reference: string, options?: CallOptions): Promise<ManifestBytes | null> {
    checkReference(reference);
    return this.requests.read({ kind: 'read-manifest', reference, effect: () => this.#manifest(reference) }, options);
  }

  async statManifest(reference: string, options?: CallOptions): Promise<Digest | null> {
    checkReference(reference);
    return this.requests.read({ kind: 'stat-manifest', reference, effect: () => this.#manifest(reference)?.digest ?? null }, options);
  }

  async writeManifest(manifest: ManifestBytes, options: CallOptions & { readonly tag?: string } = {}): Promise<void> {
    const { tag } = options;
    checkReference(tag ?? manifest.digest);
    this.checkManifest(manifest);
    await this.requests.write({
      kind: 'write-manifest',
      reference: tag ?? manifest.digest,
      success: undefined,
      effect: () => {
        this.stored.manifests.set(manifest.digest, manifest);
        if (tag !== undefined) {
          this.stored.tags.set(tag, manifest.digest);
        }
      },
    }, options);
  }

  async *listTags(options?: CallOptions): AsyncIterable<readonly string[]> {
    let last = '';
    for (;;) {
      const after = last;
      // Each page is read when it is asked for: a write between two pages may be seen or not.
      const page = await this.requests.read({
        kind: 'list-page',
        effect: () => [...this.stored.tags.keys()].filter((tag) => tag > after).toSorted().slice(0, this.#pageSize),
      }, options);
      yield page;
      if (page.length < this.#pageSize) {
        return;
      }
      last = page.at(-1) ?? '';
    }
  }

  async deleteTag(tag: string, options?: CallOptions): Promise<boolean> {
    checkReference(tag);
    return this.requests.write({
      kind: 'delete-tag',
      reference: tag,
      success: true,
      effect: () => {
        this.stored.tags.delete(tag);
        return true;
      },
    }, options);
  }

  /** What registries check before they take a manifest. @throws ProxyError. */
  protected checkManifest(manifest: ManifestBytes): void {
    checkManifestBytes(manifest, `writing a manifest in repository ${this.name}`);
    const held = parseManifest(manifest).mediaType === INDEX_MEDIA_TYPE ? this.stored.manifests : this.stored.blobs;
    const missing = referencesOf(manifest).find(({ digest }) => !held.has(digest));
    if (missing !== undefined) {
      throw new ProxyError('unprocessable', `The manifest ${manifest.digest} names ${missing.digest}, which repository ${this.name} does not have.`);
    }
  }

  #manifest(reference: string): ManifestBytes | null {
    return this.stored.manifests.get(this.stored.tags.get(reference) ?? reference) ?? null;
  }
}

/** The same with tags that are created without replacing. */
export class CreateOnlyMemoryRepository extends MemoryRepository implements TagCreator {
  async createTag(tag: string, manifest: ManifestBytes, options?: CallOptions): Promise<Digest> {
    checkReference(tag);
    this.checkManifest(manifest);
    return this.requests.write({
      kind: 'create-tag',
      reference: tag,
      success: manifest.digest,
      effect: () => {
        const before = this.stored.tags.get(tag);
        if (before === undefined) {
          this.stored.manifests.set(manifest.digest, manifest);
          this.stored.tags.set(tag, manifest.digest);
        }
        return before ?? manifest.digest;
      },
    }, options);
  }
}

async function received(source: Readable, signal: AbortSignal | undefined): Promise<Buffer> {
  const giveUp = (): void => void source.destroy(new ProxyError('aborted', 'writing a blob: given up by the caller', { cause: signal?.reason }));
  signal?.addEventListener('abort', giveUp, { once: true });
  try {
    if (signal?.aborted === true) {
      giveUp();
    }
    return await buffer(source);
  } finally {
    signal?.removeEventListener('abort', giveUp);
  }
}

function bytesOf(bytes: Buffer): Readable {
  return Readable.from([bytes], { objectMode: false });
}

function checkDigest(digest: Digest): void {
  if (!isDigest(digest)) {
    throw new ProxyError('invalid', 'A digest must be sha256: and 64 hex digits.');
  }
}

function checkReference(reference: string): void {
  if (!isTag(reference) && !isDigest(reference)) {
    throw new ProxyError('invalid', `${JSON.stringify(reference.slice(0, 200))} is neither a tag nor a sha256 digest.`);
  }
}
