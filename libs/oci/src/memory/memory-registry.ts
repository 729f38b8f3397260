import { ProxyError } from '@oci-package-proxy/errors';

import type { Digest } from '../model/digest.ts';
import { isRepositoryName } from '../model/grammar.ts';
import type { RepositoryLister } from '../ports/housekeeping.ts';
import type { Registry, Repository } from '../ports/repository.ts';
import { CreateOnlyMemoryRepository, MemoryRepository, type StoredRepository } from './memory-repository.ts';
import { type Gate, type MemoryOperation, MemoryRequests } from './memory-requests.ts';

/** How a {@link MemoryRegistry} behaves. */
export interface MemoryRegistryOptions {
  /** Whether tags can be created without replacing. Default false, as most registries. */
  readonly createOnly?: boolean;
  /** Tags a page. Default 1000. */
  readonly pageSize?: number;
  readonly gate?: Gate;
  /** Label of the requests of this view. */
  readonly actor?: string;
}

/**
 * A registry in memory, for tests: real semantics, counted requests, and a gate before and after every request by which a test
 * pauses, crashes, reorders and loses them. Views share the stored bytes, so that several writers with gates of their
 * own work on the same registry.
 */
export class MemoryRegistry implements Registry, RepositoryLister {
  readonly #options: MemoryRegistryOptions;
  readonly #repositories: Map<string, StoredRepository>;
  /** Every request made through this view so far. */
  readonly operations: MemoryOperation[] = [];

  constructor(options: MemoryRegistryOptions = {}, shared: Map<string, StoredRepository> = new Map()) {
    this.#options = options;
    this.#repositories = shared;
  }

  /** Another client of the same registry, with a label and a gate of its own: without one, nothing stands before its requests. */
  view(options: Pick<MemoryRegistryOptions, 'gate' | 'actor'> = {}): MemoryRegistry {
    const { createOnly, pageSize } = this.#options;
    return new MemoryRegistry({ ...(createOnly === undefined ? {} : { createOnly }), ...(pageSize === undefined ? {} : { pageSize }), ...options }, this.#repositories);
  }

  /** Replaces a stored blob's bytes behind everybody's back, as a damaged disk does. */
  corruptBlob(repository: string, digest: Digest, bytes: Buffer): void {
    this.#repositories.get(repository)?.blobs.set(digest, bytes);
  }

  /** @throws ProxyError `invalid` when the name is none. */
  repository(name: string): Repository {
    if (!isRepositoryName(name)) {
      throw new ProxyError('invalid', `repository ${JSON.stringify(name.slice(0, 255))}: not a repository name`);
    }
    const stored = this.#repositories.get(name) ?? { blobs: new Map(), manifests: new Map(), tags: new Map() };
    this.#repositories.set(name, stored);
    const { gate, actor, createOnly, pageSize = 1000 } = this.#options;
    const requests = new MemoryRequests({ repository: name, gate, actor, log: this.operations });
    const parts = { name, stored, requests, pageSize };
    return createOnly === true ? new CreateOnlyMemoryRepository(parts) : new MemoryRepository(parts);
  }

  /** Those that hold anything. */
  async *listRepositories(): AsyncIterable<string> {
    for (const [name, { blobs, manifests }] of await Promise.resolve([...this.#repositories])) {
      if (blobs.size + manifests.size > 0) {
        yield name;
      }
    }
  }

  /** Loses a blob behind everybody's back. */
  loseBlob(repository: string, digest: Digest): void {
    this.#repositories.get(repository)?.blobs.delete(digest);
  }

  async check(): Promise<void> {
    await Promise.resolve();
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }
}

