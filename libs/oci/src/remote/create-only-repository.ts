import type { Digest } from '../model/digest.ts';
import type { ManifestBytes } from '../model/manifest.ts';
import type { CallOptions, TagCreator } from '../ports/repository.ts';
import { RemoteRepository } from './remote-repository.ts';
import type { RepositoryEndpoint } from './repository-endpoint.ts';
import { createTag } from './tag-creation.ts';

/** A repository of a registry with immutable tags: it creates tags atomically. */
export class CreateOnlyRepository extends RemoteRepository implements TagCreator {
  readonly #endpoint: RepositoryEndpoint;

  constructor(endpoint: RepositoryEndpoint) {
    super(endpoint);
    this.#endpoint = endpoint;
  }

  async createTag(tag: string, manifest: ManifestBytes, options: CallOptions = {}): Promise<Digest> {
    return createTag(this.#endpoint, { tag, manifest, signal: options.signal });
  }
}
