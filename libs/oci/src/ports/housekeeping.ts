import type { CallOptions, Registry } from './repository.ts';

/** Optional power of a registry: saying which repositories it has. No registry must: `_catalog` is in no specification. */
export interface RepositoryLister {
  /** The names below the configured prefix, each once, in no order. */
  listRepositories(options?: CallOptions): AsyncIterable<string>;
}

/** How garbage is collected. */
export interface CollectOptions extends CallOptions {
  /** What was written or wanted again less than this many milliseconds ago stays, as an upload may be about to name it. At least {@link MIN_GRACE_MS}. */
  readonly graceMs: number;
  /** Only counts. */
  readonly dryRun: boolean;
}

/** What was found in one repository. */
export interface CollectedGarbage {
  readonly repository: string;
  /** Blobs and manifests that some tag leads to. */
  readonly kept: number;
  /** Those that no tag leads to and that are too young to be removed. */
  readonly young: number;
  /** Blobs and manifests that were removed, or would be. */
  readonly removed: number;
  /** Their size together. */
  readonly removedBytes: number;
  /** Files of writes that were killed, removed too. */
  readonly leftovers: number;
  readonly leftoverBytes: number;
  /** Why nothing was removed: some tag or manifest cannot be read, and so nobody knows what it needs. */
  readonly damage: string | null;
}

/** Optional power of a registry: removing what no tag leads to. */
export interface GarbageCollector {
  /**
   * Works beside any number of writers. One repository after another, each as it is done.
   * @throws ProxyError `invalid` for a grace period that is too short, `storage-unavailable`, `storage-denied`, `aborted`.
   */
  collectGarbage(options: CollectOptions): AsyncIterable<CollectedGarbage>;
}

/** The shortest grace period, in ms: from the moment a writer looks whether a blob is there to the moment its tag is. */
export const MIN_GRACE_MS: number = 60_000;

/** Whether `registry` can say which repositories it has. */
export function isRepositoryLister(registry: Registry): registry is Registry & RepositoryLister {
  return 'listRepositories' in registry;
}

/** Whether `registry` can remove what no tag leads to. */
export function isGarbageCollector(registry: Registry): registry is Registry & GarbageCollector {
  return 'collectGarbage' in registry;
}
