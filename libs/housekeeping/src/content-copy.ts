import { ProxyError } from '@oci-package-proxy/errors';
import { type Descriptor, type Digest, digestOf, INDEX_MEDIA_TYPE, isBlobMounter, MANIFEST_MEDIA_TYPE, type ManifestBytes, referencesOf, type Repository } from '@oci-package-proxy/oci';

import { repositoryBlob } from './copied-blob.ts';
import type { SourceRepository } from './source-repository.ts';

/** What is counted while content is copied. */
export interface CopiedContent {
  /** Children of indexes; what has a tag is counted by its tag. */
  children: number;
  /** Blobs whose bytes were sent. */
  blobs: number;
  /** Their bytes; what had to be sent again counts again. */
  bytes: number;
  /** Blobs that the registry had elsewhere, and needed not be sent. */
  mounted: number;
}

/** From where to where content goes. */
export interface ContentCopying {
  readonly source: SourceRepository;
  readonly target: Repository;
  readonly counts: CopiedContent;
  readonly signal?: AbortSignal | undefined;
  /** Hears of bytes as they pass. */
  onBytes(): void;
}

/** Copies what manifests of one repository name, each piece once: blobs, then children, from the leaves up. */
export class ContentCopy {
  readonly #how: ContentCopying;
  readonly #done = new Map<Digest, Promise<void>>();
  /** Until the registry did not do it once: then it is not asked for every blob. */
  #mounts = true;

  constructor(how: ContentCopying) {
    this.#how = how;
  }

  /** The target lost something of it: all is copied again where it is not there. */
  forget(): void {
    this.#done.clear();
  }

  /**
   * Copies all that `manifest` names.
   * @throws ProxyError `integrity` when the source does not have it, or not the right bytes; what the stores throw.
   */
  async references(manifest: ManifestBytes): Promise<void> {
    for (const descriptor of referencesOf(manifest)) {
      await this.#once(descriptor.digest, () => (isChild(descriptor) ? this.#child(descriptor) : this.#blob(descriptor)));
    }
  }

  async #child({ digest }: Descriptor): Promise<void> {
    const { source, target, counts, signal } = this.#how;
    const child = await source.readManifest(digest, { signal });
    if (child === null || digestOf(child.bytes) !== digest) {
      throw new ProxyError('integrity', `The manifest ${digest} of repository ${source.name} is ${child === null ? 'missing' : 'damaged'} in the store that is copied from.`);
    }
    await this.references(child);
    await target.writeManifest(child, { signal });
    counts.children += 1;
  }

  async #blob(descriptor: Descriptor): Promise<void> {
    const { source, target, counts, signal, onBytes } = this.#how;
    if (await this.#mounted(descriptor)) {
      counts.mounted += 1;
      onBytes();
      return;
    }
    let sent = false;
    const counted = (count: number): void => {
      sent = true;
      counts.bytes += count;
      onBytes();
    };
    await target.writeBlob(repositoryBlob(source, descriptor, { signal, onBytes: counted }), { signal });
    counts.blobs += sent ? 1 : 0;
  }

  /** Between two prefixes of one registry. What it says is checked, as after an upload. */
  async #mounted({ digest, size, data }: Descriptor): Promise<boolean> {
    const { source, target, signal } = this.#how;
    // What stands in its descriptor need not be a blob at the source, and is sent faster than asked for.
    if (!this.#mounts || data !== undefined || !isBlobMounter(target)) {
      return false;
    }
    this.#mounts = (await target.mountBlob(digest, source.repository, { signal })) && (await target.statBlob(digest, { signal })) === size;
    return this.#mounts;
  }

  #once(digest: Digest, copy: () => Promise<void>): Promise<void> {
    const begun = this.#done.get(digest);
    if (begun !== undefined) {
      return begun;
    }
    const copying = copy().catch((error: unknown) => {
      this.#done.delete(digest);
      throw error;
    });
    this.#done.set(digest, copying);
    return copying;
  }
}

function isChild({ mediaType }: Descriptor): boolean {
  return mediaType === MANIFEST_MEDIA_TYPE || mediaType === INDEX_MEDIA_TYPE;
}
