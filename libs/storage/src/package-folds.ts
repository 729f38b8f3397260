import type { Registry } from '@oci-package-proxy/oci';
import { LRUCache } from 'lru-cache';

import { isFolded, readEntries } from './entries.ts';
import { type Entry, fold, type Fold } from './fold.ts';
import type { FoldCall } from './ledger-port.ts';
import { type Flight, ListFlights } from './list-flights.ts';
import { isStorageAway } from './outage.ts';
import type { LedgerLogger, PackageRef } from './package-ref.ts';
import type { Snapshots } from './snapshot.ts';
import { SNAPSHOT_TAG } from './tags.ts';
import { listTagSet } from './tag-set.ts';
import { untilAborted } from './until-aborted.ts';

const LIFETIME_MS = 30_000;
const UNCONNECTED_LIFETIME_MS = 2000;
const UPSTREAM_LIFETIME_MS = 10 * 60_000;
/** Of a list with tags that could not be read: whatever is wrong may be over soon. */
const INCOMPLETE_LIFETIME_MS = 2000;
/** From how many unread tags on the two requests for a snapshot pay: nothing cached, something cached. */
const SNAPSHOT_PAYS = { cold: 2, warm: 32 };
/** Bytes that an entry costs besides its document, roughly. */
const ENTRY_BYTES = 2048;

/** What a package was when its tags were listed last. */
export interface CachedPackage {
  /** By tag. */
  readonly entries: ReadonlyMap<string, Entry>;
  readonly fold: Fold;
}

interface Listed extends CachedPackage {
  /** When the list began, milliseconds since the epoch. */
  readonly listedAt: number;
  /** Whether it is known that it does not hold any more. */
  outdated: boolean;
  /** Whether every tag could be read. */
  readonly complete: boolean;
}

/** What {@link PackageFolds} needs. */
export interface PackageFoldsOptions {
  readonly registry: Registry;
  readonly snapshots: Snapshots;
  readonly logger: LedgerLogger;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** How many bytes of folds are kept, roughly. */
  readonly foldBytes: number;
  /** Told of every answer from a list that could not be made anew, in its caller's context. Must not throw. */
  readonly onOld?: ((ref: PackageRef, asOf: number) => void) | undefined;
}

/** The folds of packages, kept in memory; their tag lists live for a while. */
export class PackageFolds {
  readonly #options: PackageFoldsOptions;
  readonly #cache: LRUCache<string, Listed>;
  readonly #flights: ListFlights<CachedPackage>;
  readonly #distrusted = new Set<string>();
  #lifetimeMs = LIFETIME_MS;

  constructor(options: PackageFoldsOptions) {
    this.#options = options;
    this.#cache = new LRUCache<string, Listed>({ maxSize: options.foldBytes, sizeCalculation: sizeOf });
    this.#flights = new ListFlights((ref, flight) => this.#refold(ref, flight));
  }

  /** The package from a list that is still alive; with `fresh` from one that begins now. */
  async get(ref: PackageRef, call: FoldCall = {}): Promise<CachedPackage> {
    const fresh = call.fresh === true;
    const alive = fresh ? null : this.alive(ref);
    if (alive !== null) {
      return alive;
    }
    try {
      return await untilAborted(this.#flights.join(ref, { fresh }), call.signal);
    } catch (error) {
      const old = fresh || !isStorageAway(error) ? null : this.old(ref, call.outageMs);
      if (old === null) {
        throw error;
      }
      return old;
    }
  }

  /**
   * What was last known of a package, for when storage cannot be asked.
   * @param maxAgeMs without it, null where no origin was decided: such a name may have been published since, and who is told of no origin
   * asks upstream for it.
   */
  old(ref: PackageRef, maxAgeMs?: number): CachedPackage | null {
    const cached = this.#cache.get(ref.repository);
    if (cached === undefined || (maxAgeMs === undefined && cached.fold.origin === null) || this.#options.clock() - cached.listedAt > (maxAgeMs ?? Number.POSITIVE_INFINITY)) {
      return null;
    }
    this.#options.onOld?.(ref, cached.listedAt);
    return { entries: cached.entries, fold: { ...cached.fold, asOf: cached.listedAt } };
  }

  /** The package as it is cached, if its list is still alive. No request is made. */
  alive(ref: Pick<PackageRef, 'repository'>): CachedPackage | null {
    const cached = this.#cache.get(ref.repository);
    return cached !== undefined && !cached.outdated && this.#options.clock() - cached.listedAt < this.#lifetimeOf(cached) ? cached : null;
  }

  /** Forgets the list of a package: the next fold lists again. What was read is kept. */
  invalidate({ repository }: Pick<PackageRef, 'repository'>): void {
    this.#flights.outdate(repository);
    this.#expire(repository);
  }

  /** Forgets every list. */
  invalidateAll({ connected }: { readonly connected: boolean }): void {
    this.#lifetimeMs = connected ? LIFETIME_MS : UNCONNECTED_LIFETIME_MS;
    this.#flights.outdateAll();
    for (const repository of this.#cache.keys()) {
      this.#expire(repository);
    }
  }

  /** What was read of a package is wrong: the next fold reads every tag, and no snapshot. */
  distrust({ repository }: Pick<PackageRef, 'repository'>): void {
    this.#distrusted.add(repository);
    this.#flights.outdate(repository);
    this.#cache.delete(repository);
  }

  /** What is cached of a package, however old. No request is made. */
  peek(ref: Pick<PackageRef, 'repository'>): CachedPackage | null {
    return this.#cache.peek(ref.repository) ?? null;
  }

  /** Compares the manifest that stands under a fact's tag, as it was just read, with what is cached of it. */
  meet(ref: PackageRef, tag: string, digest: string): void {
    const cached = this.#cache.peek(ref.repository);
    const known = cached?.entries.get(tag);
    if (cached !== undefined && known === undefined) {
      this.invalidate(ref);
    }
    if (known === undefined || known.kind === 'deletion' || known.digest === digest) {
      return;
    }
    this.#options.logger.warn({ repository: ref.repository, tag, cached: known.digest, stored: digest }, 'a version is not what it was; the package is folded from its facts');
    this.distrust(ref);
  }

  #lifetimeOf({ complete, fold: { origin } }: Listed): number {
    if (!complete) {
      return INCOMPLETE_LIFETIME_MS;
    }
    return origin === 'upstream' ? UPSTREAM_LIFETIME_MS : this.#lifetimeMs;
  }

  #expire(repository: string): void {
    const cached = this.#cache.peek(repository);
    if (cached !== undefined) {
      cached.outdated = true;
    }
  }

  async #refold(ref: PackageRef, flight: Flight): Promise<CachedPackage> {
    const listedAt = this.#options.clock();
    const distrusted = this.#distrusted.has(ref.repository);
    const tags = await listTagSet(this.#options.registry.repository(ref.repository));
    const before = distrusted ? undefined : this.#cache.get(ref.repository);
    const entries = await this.#entriesOf(ref, tags, { before, distrusted });
    const state = before !== undefined && isSame(before.entries, entries) ? before.fold : fold(entries.values());
    // What became distrusted while it was read is not kept.
    if (distrusted || !this.#distrusted.has(ref.repository)) {
      this.#distrusted.delete(ref.repository);
      const complete = entries.size === [...tags].filter(isFolded).length;
      this.#cache.set(ref.repository, { entries, fold: state, complete, listedAt, outdated: flight.outdated });
    }
    return { entries, fold: state };
  }

  async #entriesOf(
    ref: PackageRef,
    tags: ReadonlySet<string>,
    { before, distrusted }: { readonly before: CachedPackage | undefined; readonly distrusted: boolean },
  ): Promise<ReadonlyMap<string, Entry>> {
    const entries = new Map<string, Entry>();
    let unread = take(entries, [...tags].filter(isFolded), before?.entries);
    const pays = before === undefined ? SNAPSHOT_PAYS.cold : SNAPSHOT_PAYS.warm;
    if (!distrusted && unread.length > pays && tags.has(SNAPSHOT_TAG)) {
      unread = take(entries, unread, await this.#options.snapshots.load(ref));
    }
    const { registry, logger } = this.#options;
    for (const entry of await readEntries({ repository: registry.repository(ref.repository), ref, logger }, unread)) {
      entries.set(entry.tag, entry);
    }
    return entries;
  }
}

// Moves what `known` says about `tags` into `entries`; returns the tags that it says nothing about.
function take(entries: Map<string, Entry>, tags: readonly string[], known: ReadonlyMap<string, Entry> | null | undefined): string[] {
  const unread: string[] = [];
  for (const tag of tags) {
    const entry = known?.get(tag);
    if (entry === undefined) {
      unread.push(tag);
      continue;
    }
    entries.set(tag, entry);
  }
  return unread;
}

function isSame(left: ReadonlyMap<string, Entry>, right: ReadonlyMap<string, Entry>): boolean {
  if (left.size !== right.size) {
    return false;
  }
  for (const [tag, entry] of right) {
    if (left.get(tag) !== entry) {
      return false;
    }
  }
  return true;
}

function sizeOf({ entries }: CachedPackage): number {
  let size = ENTRY_BYTES;
  for (const entry of entries.values()) {
    size += ENTRY_BYTES + (entry.kind === 'fact' ? entry.fact.document.length : 0);
  }
  return size;
}
