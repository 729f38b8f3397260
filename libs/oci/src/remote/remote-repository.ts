import type { Digest } from '../model/digest.ts';
import type { ManifestBytes } from '../model/manifest.ts';
import type { BlobBody, BlobMounter, BlobSource, ByteRange, CallOptions, Repository, TagDeleter } from '../ports/repository.ts';
import { mountBlob } from './blob-mount.ts';
import { statBlob } from './blob-part.ts';
import { readBlob } from './blob-reading.ts';
import { uploadBlob } from './blob-upload.ts';
import { readManifest, statManifest } from './manifest-reading.ts';
import { writeManifest } from './manifest-writing.ts';
import type { RepositoryEndpoint } from './repository-endpoint.ts';
import { deleteTag } from './tag-deletion.ts';
import { listTags } from './tag-listing.ts';

/**
 * A repository of a registry, over the Distribution API: https://github.com/opencontainers/distribution-spec. It
 * deliberately creates no tags atomically: that takes a registry that makes tags immutable, and is `create-only-repository.ts`.
 */
export class RemoteRepository implements Repository, TagDeleter, BlobMounter {
  readonly #endpoint: RepositoryEndpoint;

  constructor(endpoint: RepositoryEndpoint) {
    this.#endpoint = endpoint;
  }

  get name(): string {
    return this.#endpoint.name;
  }

  async statBlob(digest: Digest, options: CallOptions = {}): Promise<number | null> {
    return statBlob(this.#endpoint, { digest, signal: options.signal });
  }

  async readBlob(digest: Digest, options: CallOptions & { readonly range?: ByteRange } = {}): Promise<BlobBody | null> {
    return readBlob(this.#endpoint, { digest, range: options.range, signal: options.signal });
  }

  async writeBlob(source: BlobSource, options: CallOptions = {}): Promise<void> {
    return uploadBlob(this.#endpoint, source, options.signal);
  }

  async mountBlob(digest: Digest, from: Repository, options: CallOptions = {}): Promise<boolean> {
    if (!(from instanceof RemoteRepository) || !this.#mayMount(from.#endpoint)) {
      return false;
    }
    return mountBlob(this.#endpoint, { digest, from: from.#endpoint, signal: options.signal });
  }

  #mayMount(from: RepositoryEndpoint): boolean {
    const { client, profile, name } = this.#endpoint;
    return profile.mounts && from.client.registry.origin === client.registry.origin && from.name !== name;
  }

  async readManifest(reference: string, options: CallOptions = {}): Promise<ManifestBytes | null> {
    return readManifest(this.#endpoint, { reference, signal: options.signal });
  }

  async statManifest(reference: string, options: CallOptions = {}): Promise<Digest | null> {
    return statManifest(this.#endpoint, { reference, signal: options.signal });
  }

  /** A tag is read back after it was put, and put again when it was lost; see `manifest-writing.ts`. */
  async writeManifest(manifest: ManifestBytes, options: CallOptions & { readonly tag?: string } = {}): Promise<void> {
    return writeManifest(this.#endpoint, { manifest, tag: options.tag, signal: options.signal });
  }

  listTags(options: CallOptions = {}): AsyncIterable<readonly string[]> {
    return listTags(this.#endpoint, options.signal);
  }

  async deleteTag(tag: string, options: CallOptions = {}): Promise<boolean> {
    return deleteTag(this.#endpoint, tag, options.signal);
  }
}
