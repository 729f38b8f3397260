import type { Readable } from 'node:stream';

import type { Digest } from '../model/digest.ts';
import type { ManifestBytes } from '../model/manifest.ts';

/** What every call takes. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** A blob to be written, which can be read from its start as often as a retry needs. */
export interface BlobSource {
  readonly digest: Digest;
  /** Bytes; at least 1: a 0-byte blob is refused by several registries. */
  readonly size: number;
  open(): Readable;
}

/** Part of a blob: `start` and `end` are inclusive, as in an HTTP Range header. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** A blob on its way to the reader. */
export interface BlobBody {
  /** Bytes of the whole blob, whatever part of it `stream` carries. */
  readonly size: number;
  /**
   * The bytes. For a whole blob the digest is checked and the last piece held back until it is right; the stream
   * fails with code `integrity` when it is not. A part cannot be checked and is passed through.
   */
  readonly stream: Readable;
}

/** Reads blobs. A missing blob is `null`, never an error. */
export interface BlobReader {
  /** The blob's size in bytes. */
  statBlob(digest: Digest, options?: CallOptions): Promise<number | null>;
  /** @throws ProxyError `range-not-satisfiable` when `range` does not lie in the blob. */
  readBlob(digest: Digest, options?: CallOptions & { readonly range?: ByteRange }): Promise<BlobBody | null>;
}

/** Writes blobs. */
export interface BlobWriter {
  /**
   * Stores the blob unless it is there already. It is durable at the latest when the manifest that names it was written.
   * @throws ProxyError `integrity` when the source does not yield what it promised; nothing is stored then.
   */
  writeBlob(source: BlobSource, options?: CallOptions): Promise<void>;
}

/** Reads manifests and indexes. A missing one is `null`, never an error. */
export interface ManifestReader {
  /**
   * @param reference a tag or a digest.
   * @throws ProxyError `integrity` when the bytes are not those of the digest asked for.
   */
  readManifest(reference: string, options?: CallOptions): Promise<ManifestBytes | null>;
  /** The digest behind a tag or digest, without the bytes where the store can. */
  statManifest(reference: string, options?: CallOptions): Promise<Digest | null>;
}

/** Writes manifests and indexes. */
export interface ManifestWriter {
  /**
   * Puts a manifest under `tag`, or by digest alone when no tag is given. What the tag named before is replaced:
   * callers that must not replace use {@link TagCreator} or the decide rounds of the ledger. Blobs and children must be there.
   * @throws ProxyError `unprocessable` when a blob or child that it names is missing.
   */
  writeManifest(manifest: ManifestBytes, options?: CallOptions & { readonly tag?: string }): Promise<void>;
}

/** Lists tags. */
export interface TagLister {
  /**
   * All tags, page by page, in no order, possibly with repetitions; one request a page. A repository that does not
   * exist has none. A completed write is in every list that begins after it; a write that overlaps the list may be missing.
   */
  listTags(options?: CallOptions): AsyncIterable<readonly string[]>;
}

/** One OCI repository. Which further powers it has is asked with the guards below. */
export interface Repository extends BlobReader, BlobWriter, ManifestReader, ManifestWriter, TagLister {
  /** Full repository name, prefix included. */
  readonly name: string;
}

/** Optional power: tags that can be created but never replaced, atomically. */
export interface TagCreator {
  /**
   * Puts `manifest` under `tag` only if the tag does not exist.
   * @returns the digest that the tag names afterwards: the manifest's own when it was created, else the one before.
   */
  createTag(tag: string, manifest: ManifestBytes, options?: CallOptions): Promise<Digest>;
}

/** Optional power: removing tags. Deletes are hygiene, never the truth: `reference/oci.md` §3. */
export interface TagDeleter {
  /** @returns whether the tag is gone. */
  deleteTag(tag: string, options?: CallOptions): Promise<boolean>;
}

/** Optional power: having a blob of another repository of the same registry, without its bytes being sent. */
export interface BlobMounter {
  /**
   * Whoever relies on the blob asks for it afterwards ({@link BlobReader.statBlob}): an answer is no proof. Nothing fails here but for
   * a caller that gave up.
   * @returns whether the registry says that the blob is here now; `false` where `from` is of another registry.
   */
  mountBlob(digest: Digest, from: Repository, options?: CallOptions): Promise<boolean>;
}

/** A store of repositories. */
export interface Registry {
  /** `name` is relative to the configured prefix. No request is made. */
  repository(name: string): Repository;
  /**
   * Asks the store whether it is there and takes our credential.
   * @throws ProxyError `storage-unavailable` or `storage-denied`.
   */
  check(options?: CallOptions): Promise<void>;
  /** Releases connections and handles. */
  close(): Promise<void>;
}

/** Whether `repository` can create tags that are never replaced. */
export function isTagCreator(repository: Repository): repository is Repository & TagCreator {
  return 'createTag' in repository;
}

/** Whether `repository` can remove tags. */
export function isTagDeleter(repository: Repository): repository is Repository & TagDeleter {
  return 'deleteTag' in repository;
}


/** Whether `repository` can have blobs of others. */
export function isBlobMounter(repository: Repository): repository is Repository & BlobMounter {
  return 'mountBlob' in repository;
}
