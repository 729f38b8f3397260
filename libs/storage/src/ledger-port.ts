import type { BlobBody, ByteRange, Descriptor } from '@oci-package-proxy/oci';

import type { ChildPlatform, Fact, NewFact } from './fact.ts';
import type { Fold } from './fold.ts';
import type { JsonValue, Origin, PackageRef } from './package-ref.ts';

/** What every call takes. */
export interface LedgerCall {
  readonly signal?: AbortSignal;
}

/** How a fold is asked for. */
export interface FoldCall extends LedgerCall {
  /** From a list that begins now. */
  readonly fresh?: boolean;
  /** How old the list may be while storage cannot be asked, in ms, for a package of which no origin decides whether upstream is asked. */
  readonly outageMs?: number;
}

/** A change of one key of a package; null removes it. */
export interface Change {
  readonly key: string;
  readonly value: JsonValue;
}

/** How a publish ended: `created`, or `same` when the very same payload is stored already. */
export type PublishOutcome = 'created' | 'same';

/**
 * How storing a pulled-through file ended. `pinned`: other bytes are stored already and stay; whoever asked must raise an
 * alarm. `deleted`: an operator deleted it, and it stays deleted. `published`: the package is one that is published here.
 */
export type IngestOutcome = 'stored' | 'present' | 'pinned' | 'deleted' | 'published';

/** An index made of stored facts, for readers that know nothing of us. Derived: it is rewritten when the facts change. */
export interface DerivedIndex {
  /** A tag that no fact of the package has. */
  readonly tag: string;
  readonly artifactType: string;
  /** None: the tag is removed where the registry can do that, else its index is emptied. */
  readonly entries: readonly {
    /** The fact's tag; its manifest is the index's child. */
    readonly fact: string;
    readonly platform?: ChildPlatform;
  }[];
}

/** How writing derived indexes ended. `unsupported`: some tag could not be rewritten, as the registry does not let us or somebody else put it there. */
export type DerivedOutcome = 'written' | 'unchanged' | 'unsupported';

/** Reads packages. Nothing here ever writes the store: front ends without publishing run on read-only credentials. */
export interface LedgerReader {
  /**
   * The fold of a package. The tag list behind it may be as old as the list's lifetime unless `fresh`; nobody may answer
   * "not found" from a fold that was not asked for with `fresh`. While storage cannot be asked, a package whose origin is decided is
   * served from the last list there is, with `asOf`; never with `fresh`. One without an origin is not, as its name may be published by
   * now and must not be asked for upstream, unless `outageMs` says that this does not matter.
   * @throws ProxyError `storage-unavailable` or `storage-denied`.
   */
  fold(ref: PackageRef, call?: FoldCall): Promise<Fold>;
  /**
   * One fact by its computed tag, without any list: from a cached fold where that has it, else GET of the tag and HEAD of its
   * deletion tag in parallel. Null when it does not exist or was deleted; null is never answered from a cache. While storage cannot
   * be asked, a fact of the last list is answered.
   */
  fact(ref: PackageRef, tag: string, call?: LedgerCall): Promise<Fact | null>;
  /** Where a package comes from, without any list; null while nothing is decided, which is never answered from a cache. */
  origin(ref: PackageRef, call?: LedgerCall): Promise<Origin | null>;
  /** A layer of a fact, verified on the way. Null when the store has lost it: treat it as a miss. */
  open(ref: PackageRef, layer: Pick<Descriptor, 'digest' | 'size'>, call?: LedgerCall & { readonly range?: ByteRange }): Promise<BlobBody | null>;
  /** The last state of upstream that a worker wrote, or null. */
  upstreamState(ref: PackageRef, call?: LedgerCall): Promise<JsonValue | null>;
  /** Names of all packages of an ecosystem in the catalogue, in no order: a hint, it may hold names without any version. */
  packages(ecosystem: string, call?: LedgerCall): AsyncIterable<string>;
  /** Forgets the cached list of a package: it changed elsewhere. */
  invalidate(ref: Pick<PackageRef, 'repository'>): void;
  /** Forgets every cached list, and how long lists live from now on: shorter while nobody tells us of changes. */
  invalidateAll(how: { readonly connected: boolean }): void;
}

/** Writes what users publish. */
export interface LedgerPublisher {
  /**
   * Stores a new version (or a file of one): blobs, then the manifest under its tag, which is the commit point. Decides the
   * package's origin first where nothing did. `package.changed` is out before it returns.
   * @throws ProxyError `conflict` when the tag has another payload, was deleted, or the package is pulled from upstream.
   */
  publish(ref: PackageRef, fact: NewFact, call: LedgerCall & { readonly by: string }): Promise<PublishOutcome>;
  /** Records events, one for each change, after every event that is visible now. */
  record(ref: PackageRef, changes: readonly Change[], call: LedgerCall & { readonly by: string }): Promise<void>;
  /**
   * Deletes facts for good: a deletion tag each, then the fact's tag where the registry can. A tag that is gone already is no error.
   * @returns the tags that could not be removed: readers that know nothing of us still find them.
   */
  delete(ref: PackageRef, tags: readonly string[], call: LedgerCall & { readonly by: string }): Promise<readonly string[]>;
}

/** Writes what the worker fetched, and what is derived. */
export interface LedgerIngester {
  /** Stores a pulled-through file; the same call as publish, but for origin `upstream`. Never throws `conflict`. */
  ingest(ref: PackageRef, fact: NewFact, call?: LedgerCall): Promise<IngestOutcome>;
  /** Replaces the last state of upstream. Only for packages of origin `upstream`. */
  writeUpstreamState(ref: PackageRef, state: JsonValue, call?: LedgerCall): Promise<void>;
  /**
   * Writes the indexes that `derive` makes of the package's facts, until a list made after the last write changes nothing: whoever
   * writes last has seen every fact. A tag that `derive` does not name is left alone: an index without entries removes one. What
   * somebody else put under a tag stays. Only for packages of origin `upstream`.
   * @throws ProxyError `conflict` for a package that is published here; `storage-unavailable` when the indexes never come to rest.
   */
  writeDerived(ref: PackageRef, derive: (fold: Fold) => readonly DerivedIndex[], call?: LedgerCall): Promise<DerivedOutcome>;
  /** Rewrites the snapshot when more than 32 tags are not covered, or some are and it is older than 10 minutes. @returns whether it did. */
  refreshSnapshot(ref: PackageRef, call?: LedgerCall): Promise<boolean>;
}

/** Everything the ledger can do; take the smallest part that will do. */
export interface LedgerPort extends LedgerReader, LedgerPublisher, LedgerIngester {
  /** Where a package comes from, decided now for `wanted` when nothing was decided. Internal and admin use. */
  decideOrigin(ref: PackageRef, wanted: Origin, call?: LedgerCall): Promise<Origin>;
}

