import { readdir, readFile, rm, stat } from 'node:fs/promises';

import { ProxyError } from '@oci-package-proxy/errors';

import type { Descriptor } from '../model/descriptor.ts';
import { type Digest, isDigest } from '../model/digest.ts';
import { isTag } from '../model/grammar.ts';
import { checkManifestBytes, parseManifest, referencesOf } from '../model/manifest-bytes.ts';
import { INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE, type ManifestBytes } from '../model/manifest.ts';
import type { BlobBody, BlobSource, ByteRange, CallOptions, Repository, TagCreator, TagDeleter } from '../ports/repository.ts';
import { checkSource } from '../verify/verified-source.ts';
import { syncDirectory } from './directory-sync.ts';
import { createName, replaceName, writeTemporaryBytes } from './durable-file.ts';
import { attempt, orNull } from './failure.ts';
import { LayoutBlobs } from './layout-blobs.ts';
import type { LayoutFolder } from './layout-folder.ts';
import type { LayoutIndex } from './layout-index.ts';
import { decodeReference, encodeReference, type Reference } from './reference-file.ts';

/**
 * One repository as an OCI image layout: https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 * A tag is a file under `refs/`, made by a link (created) or a rename (replaced) of a flushed file, so that several processes
 * need no lock and a kill at any instant leaves the old state or the new. `index.json` follows a moment later.
 */
export class LayoutRepository implements Repository, TagCreator, TagDeleter {
  readonly name: string;
  readonly #folder: LayoutFolder;
  readonly #index: LayoutIndex;
  readonly #blobs: LayoutBlobs;

  constructor(name: string, folder: LayoutFolder, index: LayoutIndex) {
    this.name = name;
    this.#folder = folder;
    this.#index = index;
    this.#blobs = new LayoutBlobs(folder, name);
  }

  async statBlob(digest: Digest, options: CallOptions = {}): Promise<number | null> {
    return this.#attempt(`stat blob ${digest}`, options, () => this.#blobs.size(digest));
  }

  async readBlob(digest: Digest, options: CallOptions & { readonly range?: ByteRange } = {}): Promise<BlobBody | null> {
    return this.#attempt(`read blob ${digest}`, options, () => this.#blobs.read(digest, options));
  }

  async writeBlob(source: BlobSource, options: CallOptions = {}): Promise<void> {
    checkSource(source, `write a blob in repository ${this.name}`);
    await this.#attempt(`write blob ${source.digest}`, options, () => this.#folder.write(() => this.#blobs.write(source, options.signal)));
  }

  async readManifest(reference: string, options: CallOptions = {}): Promise<ManifestBytes | null> {
    return this.#attempt(`read manifest ${reference}`, options, async () => {
      if (isDigest(reference)) {
        return asManifest(reference, await this.#blobs.readSmall(reference));
      }
      const found = await this.#resolve(reference);
      const bytes = found === null ? null : await this.#blobs.readSmall(found.digest);
      return found === null || bytes === null ? null : { mediaType: found.mediaType, digest: found.digest, bytes };
    });
  }

  async statManifest(reference: string, options: CallOptions = {}): Promise<Digest | null> {
    if (isDigest(reference)) {
      // Files and manifests lie side by side: only the bytes tell which it is.
      return (await this.readManifest(reference, options))?.digest ?? null;
    }
    return this.#attempt(`stat manifest ${reference}`, options, async () => (await this.#resolve(reference))?.digest ?? null);
  }

  async writeManifest(manifest: ManifestBytes, options: CallOptions & { readonly tag?: string } = {}): Promise<void> {
    const { tag } = options;
    await this.#attempt(`write manifest ${tag ?? manifest.digest}`, options, async () => {
      const path = tag === undefined ? null : this.#folder.ref(tag);
      await this.#checkReferences(manifest);
      await this.#folder.write(async () => {
        await this.#blobs.writeSmall(manifest.digest, manifest.bytes);
        await this.#blobs.sync();
        if (tag === undefined || path === null) {
          return;
        }
        await replaceName(await writeTemporaryBytes(this.#folder.ingest, encodeReference(manifest)), path);
        this.#index.touch(tag);
        await syncDirectory(this.#folder.refs);
      });
    });
  }

  async createTag(tag: string, manifest: ManifestBytes, options: CallOptions = {}): Promise<Digest> {
    return this.#attempt(`create tag ${tag}`, options, async () => {
      const path = this.#folder.ref(tag);
      await this.#checkReferences(manifest);
      return this.#folder.write(async () => {
        if ((await orNull(stat(path))) === null) {
          await this.#blobs.writeSmall(manifest.digest, manifest.bytes);
          await this.#blobs.sync();
        }
        if (await createName(await writeTemporaryBytes(this.#folder.ingest, encodeReference(manifest)), path)) {
          this.#index.touch(tag);
          return manifest.digest;
        }
        this.#index.mend();
        const before = await this.#resolve(tag);
        if (before === null) {
          throw new ProxyError('storage-unavailable', `create tag ${tag} in repository ${this.name}: it was removed meanwhile; try again.`);
        }
        return before.digest;
      });
    });
  }

  async *listTags(options: CallOptions = {}): AsyncIterable<readonly string[]> {
    const names = await this.#attempt('list tags', options, () => orNull(readdir(this.#folder.refs)));
    yield (names ?? []).filter(isTag);
  }

  async deleteTag(tag: string, options: CallOptions = {}): Promise<boolean> {
    return this.#attempt(`delete tag ${tag}`, options, async () => {
      const path = this.#folder.ref(tag);
      if ((await orNull(stat(path))) !== null) {
        await rm(path, { force: true });
        await syncDirectory(this.#folder.refs);
        this.#index.touch(tag);
      }
      return true;
    });
  }

  async #checkReferences(manifest: ManifestBytes): Promise<void> {
    checkManifestBytes(manifest, `write a manifest in repository ${this.name}`);
    await Promise.all(referencesOf(manifest).map(async ({ mediaType, digest }) => {
      if (!(await this.#blobs.touch(digest))) {
        throw new ProxyError('unprocessable', `The manifest ${manifest.digest} names ${digest}, which repository ${this.name} does not have.`);
      }
      await this.#touchBelow({ mediaType, digest });
    }));
  }

  /** A collector must see that what a child names is wanted too: the child may have been written long ago. */
  async #touchBelow({ mediaType, digest }: Pick<Descriptor, 'mediaType' | 'digest'>): Promise<void> {
    const isChild = mediaType === MANIFEST_MEDIA_TYPE || mediaType === INDEX_MEDIA_TYPE;
    const child = isChild ? asManifest(digest, await this.#blobs.readSmall(digest)) : null;
    for (const reference of child === null ? [] : referencesOf(child)) {
      await this.#blobs.touch(reference.digest);
      await this.#touchBelow(reference);
    }
  }

  async #resolve(tag: string): Promise<Reference | null> {
    const text = await orNull(readFile(this.#folder.ref(tag), 'utf8'));
    const reference = text === null ? null : decodeReference(text);
    if (text !== null && reference === null) {
      throw new ProxyError('integrity', `The file of tag ${tag} in repository ${this.name} cannot be read: the storage directory is damaged.`);
    }
    return reference;
  }

  #attempt<T>(operation: string, options: CallOptions, work: () => Promise<T>): Promise<T> {
    return attempt(`${operation} in repository ${this.name}`, options.signal, work);
  }
}

/** Bytes that have their digest as a manifest; null when they are a file's. */
function asManifest(digest: Digest, bytes: Buffer | null): ManifestBytes | null {
  if (bytes === null) {
    return null;
  }
  // Bytes may leave their type out: it then shows in what they hold.
  return [MANIFEST_MEDIA_TYPE, INDEX_MEDIA_TYPE].map((mediaType) => parsedAs(mediaType, digest, bytes)).find((manifest) => manifest !== null) ?? null;
}

function parsedAs(mediaType: string, digest: Digest, bytes: Buffer): ManifestBytes | null {
  try {
    return { mediaType: parseManifest({ mediaType, digest, bytes }).mediaType, digest, bytes };
  } catch {
    return null;
  }
}
