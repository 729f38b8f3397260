import { LRUCache } from 'lru-cache';

import { isDeletedIn, type Fact, type Fold, type PackageRef } from '@oci-package-proxy/storage';
import type { UpstreamDocument } from '@oci-package-proxy/upstream';

import { digestText, expectedDigest } from '../expected-digest.ts';
import { isObject, member, textMember } from '../documents/packument.ts';
import type { IndexEntry } from '../documents/packument-index.ts';
import { NO_OVERLAY, type Overlay } from '../documents/upstream-packument.ts';
import { fileNameOf } from '../npm-fact.ts';
import { versionTagOrNull } from '../package-name.ts';
import type { UpstreamPackuments } from './upstream-packuments.ts';

/** What is told of pinned versions. */
export interface AlarmLogger {
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** Finds what of ours has to be laid over upstream's document of a package. */
export class Overlays {
  readonly #upstream: UpstreamPackuments;
  readonly #logger: AlarmLogger;
  readonly #known = new LRUCache<string, Overlay>({ max: 2000 });
  readonly #alarms = new LRUCache<string, true>({ max: 2000 });

  constructor(upstream: UpstreamPackuments, logger: AlarmLogger) {
    this.#upstream = upstream;
    this.#logger = logger;
  }

  /** The overlay of what `fold` holds over `document`. */
  async of(ref: PackageRef, fold: Fold, document: UpstreamDocument): Promise<Overlay> {
    if (fold.facts.size === 0 && fold.deletedTags.size === 0) {
      return NO_OVERLAY;
    }
    const key = `${ref.name} ${fold.revision} ${document.revision}`;
    const known = this.#known.get(key);
    if (known !== undefined) {
      return known;
    }
    const { entries } = await this.#upstream.index(ref.name, document);
    const overlay = { hidden: hiddenIn(fold, entries), pinned: this.#pinnedIn(ref, fold, entries) };
    this.#known.set(key, overlay);
    return overlay;
  }

  #pinnedIn(ref: PackageRef, fold: Fold, entries: readonly IndexEntry[]): Overlay['pinned'] {
    const pinned: Overlay['pinned'][number][] = [];
    const byVersion = new Map(entries.map((entry) => [entry.version, entry]));
    for (const fact of fold.facts.values()) {
      const entry = byVersion.get(fact.version);
      if (entry !== undefined && hasOtherBytes(fact, entry)) {
        pinned.push({ version: fact.version, document: fact.document, file: fileNameOf(ref.name, fact) });
        this.#alarm(ref, fact, entry);
      }
    }
    return pinned;
  }

  #alarm({ name }: PackageRef, { version, payload }: Fact, { integrity, shasum }: IndexEntry): void {
    const key = `${name} ${version} ${integrity ?? shasum ?? ''}`;
    if (!this.#alarms.has(key)) {
      this.#alarms.set(key, true);
      this.#logger.error({ package: name, version, stored: payload, upstream: integrity ?? shasum }, 'upstream now shows other bytes for a stored version; the stored ones are served');
    }
  }
}

function hiddenIn(fold: Fold, entries: readonly IndexEntry[]): string[] {
  if (fold.deletedTags.size === 0) {
    return [];
  }
  return entries.map(({ version }) => version).filter((version) => {
    const tag = versionTagOrNull(version);
    return tag !== null && isDeletedIn(fold, tag);
  });
}

/** Compared by the strongest digest that upstream says now; what it says no digest of is not taken for other bytes. */
function hasOtherBytes(fact: Fact, entry: IndexEntry): boolean {
  const now = expectedDigest(entry);
  if (now === null) {
    return false;
  }
  if (now.algorithm === 'sha512') {
    return digestText(now) !== digestText(expectedDigest({ integrity: fact.payload }) ?? now);
  }
  const document: unknown = JSON.parse(fact.document);
  const dist = isObject(document) ? member(document, 'dist') : undefined;
  const stored = isObject(dist) ? expectedDigest({ integrity: textMember(dist, 'integrity'), shasum: textMember(dist, 'shasum') }) : null;
  return stored !== null && stored.algorithm === now.algorithm && stored.hex !== now.hex;
}
