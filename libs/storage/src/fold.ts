import { createHash } from 'node:crypto';

import type { Digest } from '@oci-package-proxy/oci';

import type { LedgerEvent } from './event.ts';
import type { Fact } from './fact.ts';
import type { JsonValue, Origin } from './package-ref.ts';
import { deletionTag, isLater, type Stamp } from './tags.ts';
import { ANNOTATIONS } from './vendor.ts';

/**
 * What one tag of a package says. A deletion says it by its tag alone. `ignored` is somebody else's push, remembered so that
 * it is not read again.
 */
export type Entry =
  | { readonly kind: 'fact'; readonly tag: string; readonly digest: Digest; readonly fact: Fact }
  | { readonly kind: 'event'; readonly tag: string; readonly digest: Digest; readonly event: LedgerEvent & { readonly stamp: Stamp } }
  | { readonly kind: 'deletion'; readonly tag: string }
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
  /** Only while storage cannot be asked: when the tags behind it were listed, milliseconds since the epoch. */
  readonly asOf?: number;
}

/** Folds entries. Their order and repetitions do not matter. */
export function fold(entries: Iterable<Entry>): Fold {
  const unique = new Map<string, Entry>();
  for (const entry of entries) {
    const before = unique.get(entry.tag);
    // Two contents of one tag are never written by us; the choice only has to be the same for everybody.
    if (before === undefined || digestIn(entry) < digestIn(before)) {
      unique.set(entry.tag, entry);
    }
  }
  const sorted = [...unique.values()].sort(byTag);
  const deletedTags = new Set(sorted.filter(({ kind }) => kind === 'deletion').map(({ tag }) => tag));
  const facts = new Map<string, Fact>();
  const values = new LatestValues();
  let origin: Origin | null = null;
  for (const entry of sorted) {
    if (entry.kind === 'origin') {
      origin = entry.origin;
    }
    if (entry.kind === 'event') {
      values.set(entry.event.key, { value: entry.event.value, at: entry.event.at, by: entry.event.by }, { stamp: entry.event.stamp, source: entry.digest });
    }
    if (entry.kind === 'fact' && !deletedTags.has(deletionTag(entry.tag))) {
      facts.set(entry.tag, entry.fact);
      values.assign(entry.fact);
    }
  }
  const revision = revisionOf([
    `origin ${origin ?? ''}`,
    `sequence ${values.sequence}`,
    ...[...facts.values()].map(({ tag, digest }) => `fact ${tag} ${digest}`),
    ...[...deletedTags].map((tag) => `deleted ${tag}`),
    ...values.sources().map((source) => `value ${source}`),
  ]);
  return { origin, facts, deletedTags, values: values.latest, sequence: values.sequence, revision, modified: latestTime(facts, values.latest) };
}

/** Whether the fact of `tag` was deleted. */
export function isDeletedIn(state: Fold, tag: string): boolean {
  return state.deletedTags.has(deletionTag(tag));
}

interface Assignment {
  readonly stamp: Stamp;
  /** Digest of the manifest that says it. */
  readonly source: Digest;
}

class LatestValues {
  readonly latest = new Map<string, FoldValue>();
  readonly #winners = new Map<string, Assignment>();
  sequence = 0;

  set(key: string, value: FoldValue, assignment: Assignment): void {
    this.sequence = Math.max(this.sequence, assignment.stamp.sequence);
    const before = this.#winners.get(key);
    if (before === undefined || isLater(assignment.stamp, before.stamp)) {
      this.#winners.set(key, assignment);
      this.latest.set(key, value);
    }
  }

  assign({ assign, stamp, at, annotations, digest }: Fact): void {
    if (stamp === null) {
      return;
    }
    for (const [key, value] of Object.entries(assign)) {
      this.set(key, { value, at, by: annotations[ANNOTATIONS.by] ?? '' }, { stamp, source: digest });
    }
  }

  sources(): string[] {
    return [...this.#winners].map(([key, { source }]) => `${source} ${key}`).sort();
  }
}

function digestIn(entry: Entry): string {
  return entry.kind === 'deletion' ? '' : entry.digest;
}

function byTag(left: Entry, right: Entry): number {
  return left.tag < right.tag ? -1 : 1;
}

function revisionOf(lines: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(lines)).digest('hex').slice(0, 32);
}

function latestTime(facts: ReadonlyMap<string, Fact>, values: ReadonlyMap<string, FoldValue>): string {
  let latest = '';
  for (const { at } of [...facts.values(), ...values.values()]) {
    latest = at > latest ? at : latest;
  }
  return latest;
}

/** The fold of a package that has nothing. */
export const EMPTY_FOLD: Fold = fold([]);
