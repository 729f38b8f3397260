import type { Registry } from '@oci-package-proxy/oci';

import { Catalogue } from './catalogue.ts';
import { isFolded, readEntries } from './entries.ts';
import type { LedgerCall } from './ledger-port.ts';
import type { LedgerLogger, PackageRef } from './package-ref.ts';
import { Snapshots } from './snapshot.ts';
import { listTagSet } from './tag-set.ts';

/** What {@link Reindexer} needs. */
export interface ReindexerOptions {
  readonly registry: Registry;
  readonly logger: LedgerLogger;
  /** Milliseconds since the epoch; default the machine's. */
  readonly clock?: () => number;
  /** Whether repository names have one level below the prefix. Default false. */
  readonly flat?: boolean;
}

/** What rebuilding came to. */
export interface ReindexOutcome {
  /** Tags that take part in the fold. */
  readonly tags: number;
  /** Those of them that could not be read; the logger heard why. */
  readonly unread: number;
  /** `none`: there are so few tags that none is needed. */
  readonly snapshot: 'none' | 'unchanged' | 'written';
  /** Whether the catalogue did not list the package. */
  readonly listed: boolean;
}

/** Rebuilds what is derived of a package from its facts, events and deletions: the snapshot, and its entry in the catalogue. */
export class Reindexer {
  readonly #registry: Registry;
  readonly #logger: LedgerLogger;
  readonly #catalogue: Catalogue;
  readonly #snapshots: Snapshots;

  constructor({ registry, logger, clock = Date.now, flat = false }: ReindexerOptions) {
    this.#registry = registry;
    this.#logger = logger;
    this.#catalogue = new Catalogue(registry, flat);
    this.#snapshots = new Snapshots({ registry, logger, clock });
  }

  /** Reads every tag; the present snapshot is not believed. Null when there is nothing of the package. */
  async reindex(ref: PackageRef, call: LedgerCall = {}): Promise<ReindexOutcome | null> {
    const repository = this.#registry.repository(ref.repository);
    const tags = [...(await listTagSet(repository, call.signal))].filter(isFolded);
    if (tags.length === 0) {
      return null;
    }
    const entries = await readEntries({ repository, ref, logger: this.#logger, signal: call.signal }, tags);
    const listed = await this.#catalogue.add(ref, call);
    const snapshot = await this.#snapshots.rebuild(ref, new Map(entries.map((entry) => [entry.tag, entry])), call);
    return { tags: tags.length, unread: tags.length - entries.length, snapshot, listed };
  }
}
