import { createHash } from 'node:crypto';

import type { Digest } from '@oci-package-proxy/oci';

import type { LedgerEvent } from './event.ts';
import type { Fact } from './fact.ts';
import type { JsonValue, Origin } from './package-ref.ts';
import { deletionTag, isLater, type Stamp } from './tags.ts';

/** What one tag of a package says. `ignored` is somebody else's push, remembered so that it is not read again. */
export type Entry =
  | { readonly kind: 'fact'; readonly tag: string; readonly digest: Digest; readonly fact: Fact }
  | { readonly kind: 'event'; readonly tag: string; readonly digest: Digest; readonly event: LedgerEvent & { readonly stamp: Stamp } }
  | { readonly kind: 'deletion'; readonly tag: string; readonly digest: Digest }
  | { readonly kind: 'origin'; readonly tag: string; readonly digest: Digest; readonly origin: Origin }
  | { readonly kind: 'ignored'; readonly tag: string; readonly digest: Digest };

/** The latest value of a key. */
export interface FoldValue {
  /** Null: removed. */
  readonly value: JsonValue;
  /** ISO 8601. */
  readonly at: string;
  readonly by: string;
}

/** What all facts, events and deletions of a package come to. Immutable. */
export interface Fold {
  /** Null: nothing was decided yet. */
  readonly origin: Origin | null;
  /** By tag, deleted ones left out. */
  readonly facts: ReadonlyMap<string, Fact>;
  /** The deletion tags. */
  readonly deletedTags: ReadonlySet<string>;
  /** By key, last writer wins. */
  readonly values: ReadonlyMap<string, FoldValue>;
  /** The highest sequence of any event or assignment. */
  readonly sequence: number;
  /** Changes if and only if the content does. */
  readonly revision: string;
  /** The latest time of anything in it, ISO 8601; empty when there is nothing. */
  readonly modified: string;
}

/** The fold of a package that has nothing. */
export const EMPTY_FOLD: Fold = fold([]);

/** Folds entries. Their order and repetitions do not matter. */
export function fold(entries: Iterable<Entry>): Fold {
  const unique = new Map<string, Entry>();
  for (const entry of entries) {
    unique.set(entry.tag, entry);
  }
  const deletedTags = new Set<string>();
  for (const entry of unique.values()) {
    if (entry.kind === 'deletion') {
      deletedTags.add(entry.tag);
    }
  }
  const facts = new Map<string, Fact>();
  const values = new LatestValues();
  const identity: string[] = [];
  let origin: Origin | null = null;
  for (const entry of [...unique.values()].sort(byTag)) {
    if (entry.kind === 'ignored') {
      continue;
    }
    identity.push(`${entry.tag}@${entry.kind === 'fact' ? entry.digest : ''}`);
    if (entry.kind === 'origin') {
      origin = entry.origin;
    }
    if (entry.kind === 'event') {
      values.set(entry.event.key, { value: entry.event.value, at: entry.event.at, by: entry.event.by }, entry.event.stamp);
    }
    if (entry.kind === 'fact' && !deletedTags.has(deletionTag(entry.tag))) {
      facts.set(entry.tag, entry.fact);
      values.assign(entry.fact);
    }
  }
  const revision = createHash('sha256').update(identity.join('\n')).digest('hex').slice(0, 32);
  return { origin, facts, deletedTags, values: values.latest, sequence: values.sequence, revision, modified: latestTime(facts, values.latest) };
}

/** Whether the fact of `tag` was deleted. */
export function isDeletedIn(state: Fold, tag: string): boolean {
  return state.deletedTags.has(deletionTag(tag));
}

class LatestValues {
  readonly latest = new Map<string, FoldValue>();
  readonly #stamps = new Map<string, Stamp>();
  sequence = 0;

  set(key: string, value: FoldValue, stamp: Stamp): void {
    this.sequence = Math.max(this.sequence, stamp.sequence);
    const before = this.#stamps.get(key);
    if (before === undefined || isLater(stamp, before)) {
      this.#stamps.set(key, stamp);
      this.latest.set(key, value);
    }
  }

  assign({ assign, stamp, at, annotations }: Fact): void {
    if (stamp === null) {
      return;
    }
    for (const [key, value] of Object.entries(assign)) {
      this.set(key, { value, at, by: annotations['io.oci-package-proxy.by'] ?? '' }, stamp);
    }
  }
}

function byTag(left: Entry, right: Entry): number {
  return left.tag < right.tag ? -1 : 1;
}

function latestTime(facts: ReadonlyMap<string, Fact>, values: ReadonlyMap<string, FoldValue>): string {
  let latest = '';
  for (const { at } of [...facts.values(), ...values.values()]) {
    latest = at > latest ? at : latest;
  }
  return latest;
}
