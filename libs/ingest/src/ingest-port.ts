import type { DerivedIndex, Fold, JsonValue, NewFact, PackageRef } from '@oci-package-proxy/storage';
import type { DownloadSource, SpooledFile } from '@oci-package-proxy/upstream';
import type { ExpectedContent } from '@oci-package-proxy/oci';

/** A file that was fetched and is to be stored. No secret, no URL: it lies in Redis in clear text. */
export interface IngestJob {
  /** Of this shape. A worker refuses for good what is newer than it knows. */
  readonly version: 1;
  readonly ecosystem: string;
  readonly package: string;
  /** The file as the ecosystem names it. */
  readonly file: string;
  /** `<algorithm>:<hex>` that the file must have, and part of the download's key. */
  readonly digest: string;
  /** Whose spool has it. */
  readonly holder: string | null;
  /** When it was handed in, ms since the epoch. */
  readonly at: number;
}

/** Takes jobs; front ends have it. */
export interface IngestQueue {
  /**
   * Hands a job in; one for the same file that still waits or runs makes this one superfluous.
   * @throws ProxyError `queue-unavailable` at once (never later than 2 s) when the queue cannot take it.
   */
  enqueue(job: IngestJob): Promise<void>;
}

/** What an ecosystem knows about storing one of its files. */
export interface IngestPlan {
  readonly ref: PackageRef;
  /** The fact's tag: stored or deleted already means that there is nothing to do. */
  readonly tag: string;
  /** Of the download, the same on every replica. */
  readonly key: string;
  readonly expected: ExpectedContent;
  readonly subject: string;
  /** Upstream's; the holder's spool is put before them. */
  readonly sources: readonly DownloadSource[];
  /** The fact for the verified file. */
  build(file: SpooledFile): Promise<NewFact>;
  /** Upstream's last word on the whole package, to be kept for when it cannot be asked; null: leave what is there. */
  readonly upstreamState: JsonValue | null;
  /** Called once, after all else, however the job ended: lets go of what `build` made for the fact. Must not throw. */
  dispose?(): Promise<void>;
  /** Indexes for readers that know nothing of us, made anew from what is stored after each file. */
  readonly derive?: (fold: Fold) => readonly DerivedIndex[];
}

/** One ecosystem's side of the ingest. */
export interface IngestCodec {
  readonly ecosystem: string;
  /**
   * @returns null when upstream no longer has the file: the job fails for good.
   * @throws ProxyError retried, but for `policy`, `integrity`, `not-found` and `invalid`, which fail for good.
   */
  plan(job: IngestJob, signal: AbortSignal): Promise<IngestPlan | null>;
}

/** Tells every process that a package changed. */
export interface ChangeBus {
  /** Announces a change. Never throws and never takes longer than 1 s: a lost notice costs a list's lifetime of freshness. */
  announce(change: PackageChange): Promise<void>;
  /** @returns how to stop listening. */
  subscribe(listener: ChangeListener): () => void;
  close(): Promise<void>;
}

/** What changed. */
export interface PackageChange {
  readonly ecosystem: string;
  readonly package: string;
  readonly repository: string;
}

/** Hears of changes. */
export interface ChangeListener {
  changed(change: PackageChange): void;
  /** The subscription was lost (`connected` false: lists must live 2 s only) or is back (true: what was missed is unknown, drop all lists). */
  connection(connected: boolean): void;
}

/** Who has which file in its spool. */
export interface Holders {
  /** This process's id; resolves to its `INTERNAL_URL` for the others. */
  readonly id: string;
  /** Claims the fetch of a file for 15 s, renewed until released. @returns null when it is ours, else the holder's id. Never throws: without Redis everybody holds. */
  claim(key: string): Promise<string | null>;
  /** The file is here, verified, until it is stored or evicted. */
  keep(key: string): Promise<void>;
  /** Nobody needs to look here any more: the fetch failed, or the file was evicted. Leaves the lease of another one alone. */
  release(key: string): Promise<void>;
  /** The file is stored: nobody needs to look in any spool any more, whoever has it. */
  stored(key: string): Promise<void>;
  /** Who has the file now, or null. */
  holderOf(key: string): Promise<string | null>;
  /** The internal base URL of a holder, or null when it is gone. */
  urlOf(holder: string): Promise<string | null>;
  close(): Promise<void>;
}
