import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { ProxyError } from '@oci-package-proxy/errors';

import { type Digest, digestOf } from '../model/digest.ts';
import { isManifest, parseManifest } from '../model/manifest-bytes.ts';
import type { ManifestBytes } from '../model/manifest.ts';
import type { BlobBody, BlobSource, ByteRange, CallOptions, Registry, Repository, TagCreator, TagDeleter } from '../ports/repository.ts';
import { VerifyingStream } from '../verify/verifying-stream.ts';

/** One request that a repository is about to make. */
export interface MemoryOperation {
  readonly kind: 'stat-blob' | 'read-blob' | 'write-blob' | 'read-manifest' | 'stat-manifest' | 'write-manifest' | 'create-tag' | 'list-page' | 'delete-tag';
  readonly repository: string;
  /** The tag or digest, where there is one. */
  readonly reference?: string;
  /** Whose request: the label of the view. */
  readonly actor: string;
}

/** How a request that writes fares: `apply` it; `drop` it though it is answered with success; `late`: it takes effect when the promise resolves, and the caller waits no longer than for its own answer. */
export type Fate = 'apply' | 'drop' | { readonly late: Promise<unknown> };

/**
 * Stands before every request: it may wait (a pause, or a scheduler's turn), throw (the request fails before it took effect)
 * and say how a write fares. `after` runs when the request took effect and may throw: the caller then never sees the answer.
 */
export interface Gate {
  before?(operation: MemoryOperation): Promise<Fate | void> | Fate | void;
  after?(operation: MemoryOperation): Promise<void> | void;
}

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

interface StoredRepository {
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, ManifestBytes>;
  readonly tags: Map<string, Digest>;
}

/**
 * A registry in memory, for tests: real semantics, counted requests, and a gate before and after every request by which a test
 * pauses, crashes, reorders and loses them. Views share the stored bytes, so that several writers with gates of their
 * own work on the same registry.
 */
export class MemoryRegistry implements Registry {
  readonly #options: MemoryRegistryOptions;
  readonly #repositories: Map<string, StoredRepository>;
  /** Every request made through this view so far. */
  readonly operations: MemoryOperation[] = [];

  constructor(options: MemoryRegistryOptions = {}, shared: Map<string, StoredRepository> = new Map()) {
    this.#options = options;
    this.#repositories = shared;
  }

  /** Another client of the same registry, with a gate and a label of its own. */
  view(options: Pick<MemoryRegistryOptions, 'gate' | 'actor'>): MemoryRegistry {
    return new MemoryRegistry({ ...this.#options, ...options }, this.#repositories);
  }

  repository(name: string): Repository {
    const stored = this.#repositories.get(name) ?? { blobs: new Map(), manifests: new Map(), tags: new Map() };
    this.#repositories.set(name, stored);
    const request = new MemoryRequests(name, this.#options, this.operations);
    return this.#options.createOnly === true
      ? new CreateOnlyMemoryRepository(name, stored, request)
      : new MemoryRepository(name, stored, request);
  }

  async check(): Promise<void> {
    await Promise.resolve();
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }
}

class MemoryRequests {
  readonly pageSize: number;
  readonly #gate: Gate;
  readonly #actor: string;
  readonly #log: MemoryOperation[];
  readonly #repository: string;

  constructor(repository: string, options: MemoryRegistryOptions, log: MemoryOperation[]) {
    this.#repository = repository;
    this.#gate = options.gate ?? {};
    this.#actor = options.actor ?? 'only';
    this.#log = log;
    this.pageSize = options.pageSize ?? 1000;
  }

  async run<T>(what: { readonly kind: MemoryOperation['kind']; readonly reference?: string }, options: CallOptions | undefined, effect: () => T): Promise<T> {
    const operation: MemoryOperation = { ...what, repository: this.#repository, actor: this.#actor };
    this.#log.push(operation);
    if (options?.signal?.aborted === true) {
      throw new ProxyError('aborted', `${operation.kind} ${this.#repository}: aborted`);
    }
    const fate = (await this.#gate.before?.(operation)) ?? 'apply';
    let result: T | undefined;
    if (fate === 'apply') {
      result = effect();
    }
    if (typeof fate === 'object') {
      void fate.late.then(effect, () => undefined);
    }
    await this.#gate.after?.(operation);
    return result as T;
  }
}

class MemoryRepository implements Repository, TagDeleter {
  readonly name: string;
  protected readonly stored: StoredRepository;
  protected readonly requests: MemoryRequests;

  constructor(name: string, stored: StoredRepository, requests: MemoryRequests) {
    this.name = name;
    this.stored = stored;
    this.requests = requests;
  }

  async statBlob(digest: Digest, options?: CallOptions): Promise<number | null> {
    return this.requests.run({ kind: 'stat-blob', reference: digest }, options, () => this.stored.blobs.get(digest)?.length ?? null);
  }

  async readBlob(digest: Digest, options?: CallOptions & { readonly range?: ByteRange }): Promise<BlobBody | null> {
    const bytes = await this.requests.run({ kind: 'read-blob', reference: digest }, options, () => this.stored.blobs.get(digest) ?? null);
    if (bytes === null) {
      return null;
    }
    const range = options?.range;
    if (range === undefined) {
      const verified = new VerifyingStream({ size: bytes.length, sha256: digest.slice(7) }, `blob ${digest} of repository ${this.name}`);
      return { size: bytes.length, stream: Readable.from([bytes], { objectMode: false }).pipe(verified) };
    }
    if (range.start < 0 || range.start > range.end || range.start >= bytes.length) {
      throw new ProxyError('range-not-satisfiable', `The blob ${digest} has ${bytes.length} bytes.`);
    }
    return { size: bytes.length, stream: Readable.from([bytes.subarray(range.start, range.end + 1)], { objectMode: false }) };
  }

  async writeBlob(source: BlobSource, options?: CallOptions): Promise<void> {
    if (source.size < 1) {
      throw new ProxyError('invalid', 'A blob of 0 bytes cannot be stored: several registries refuse it.');
    }
    const chunks: Buffer[] = [];
    const verified = new VerifyingStream({ size: source.size, sha256: source.digest.slice(7) }, `blob ${source.digest}`);
    await pipeline(source.open(), verified, async (body: AsyncIterable<Buffer>) => {
      for await (const chunk of body) {
        chunks.push(chunk);
      }
    }, { signal: options?.signal });
    await this.requests.run({ kind: 'write-blob', reference: source.digest }, options, () => {
      this.stored.blobs.set(source.digest, Buffer.concat(chunks));
    });
  }

  async readManifest(reference: string, options?: CallOptions): Promise<ManifestBytes | null> {
    return this.requests.run({ kind: 'read-manifest', reference }, options, () => this.stored.manifests.get(this.stored.tags.get(reference) ?? reference) ?? null);
  }

  async statManifest(reference: string, options?: CallOptions): Promise<Digest | null> {
    return this.requests.run({ kind: 'stat-manifest', reference }, options, () => this.stored.manifests.get(this.stored.tags.get(reference) ?? reference)?.digest ?? null);
  }

  async writeManifest(manifest: ManifestBytes, options?: CallOptions & { readonly tag?: string }): Promise<void> {
    this.checkReferences(manifest);
    await this.requests.run({ kind: 'write-manifest', reference: options?.tag ?? manifest.digest }, options, () => {
      this.stored.manifests.set(manifest.digest, manifest);
      if (options?.tag !== undefined) {
        this.stored.tags.set(options.tag, manifest.digest);
      }
    });
  }

  async *listTags(options?: CallOptions): AsyncIterable<readonly string[]> {
    let last = '';
    for (;;) {
      const after = last;
      // Each page is read when it is asked for: a write between two pages may be seen or not.
      const page = await this.requests.run({ kind: 'list-page' }, options, () =>
        [...this.stored.tags.keys()].sort().filter((tag) => tag > after).slice(0, this.requests.pageSize));
      yield page;
      if (page.length < this.requests.pageSize) {
        return;
      }
      last = page.at(-1) ?? '';
    }
  }

  async deleteTag(tag: string, options?: CallOptions): Promise<boolean> {
    await this.requests.run({ kind: 'delete-tag', reference: tag }, options, () => this.stored.tags.delete(tag));
    return true;
  }

  protected checkReferences(manifest: ManifestBytes): void {
    if (digestOf(manifest.bytes) !== manifest.digest) {
      throw new ProxyError('integrity', `The manifest ${manifest.digest} does not have that digest.`);
    }
    const parsed = parseManifest(manifest);
    const missing = isManifest(parsed)
      ? [parsed.config, ...parsed.layers].find(({ digest }) => !this.stored.blobs.has(digest))
      : parsed.manifests.find(({ digest }) => !this.stored.manifests.has(digest));
    if (missing !== undefined) {
      throw new ProxyError('unprocessable', `The manifest ${manifest.digest} names ${missing.digest}, which repository ${this.name} does not have.`);
    }
  }
}

class CreateOnlyMemoryRepository extends MemoryRepository implements TagCreator {
  async createTag(tag: string, manifest: ManifestBytes, options?: CallOptions): Promise<Digest> {
    this.checkReferences(manifest);
    return this.requests.run({ kind: 'create-tag', reference: tag }, options, () => {
      const before = this.stored.tags.get(tag);
      if (before === undefined) {
        this.stored.manifests.set(manifest.digest, manifest);
        this.stored.tags.set(tag, manifest.digest);
      }
      return before ?? manifest.digest;
    });
  }
}
