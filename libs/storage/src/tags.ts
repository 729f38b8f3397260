import { createHash } from 'node:crypto';

import { ProxyError } from '@oci-package-proxy/errors';
import { isReservedTag } from '@oci-package-proxy/mapping';

/** The derived snapshot of a fold. */
export const SNAPSHOT_TAG = '_snapshot';
/** The derived last state of upstream. */
export const UPSTREAM_TAG = '_upstream';
/** Says where the package comes from; written once. */
export const ORIGIN_TAG = '_origin';

const EVENT = /^_e\.(\d{10})\.([0-9a-f]{16})$/;
const MAX_SEQUENCE = 9_999_999_999;
const RANDOM = /^[0-9a-f]{16}$/;
const DELETION = /^_t\.[0-9a-f]{32}$/;
const CLAIM = /^_c\.([0-9a-f]{16})\.(\d+)\.(a|b)\.([0-9a-f]{64})(?:\.(c|n))?$/;

/** An event's place in the order of events: later wins. */
export interface Stamp {
  readonly sequence: number;
  /** 16 hex digits; decides between equal sequences. */
  readonly random: string;
}

/** What kind of tag this is, by its form alone. */
export function kindOf(tag: string): 'fact' | 'event' | 'deletion' | 'origin' | 'claim' | 'derived' | 'unknown' {
  if (!isReservedTag(tag) || tag.startsWith('_h.') || tag.startsWith('_p.')) {
    return 'fact';
  }
  if (EVENT.test(tag)) {
    return 'event';
  }
  if (DELETION.test(tag)) {
    return 'deletion';
  }
  if (tag === ORIGIN_TAG) {
    return 'origin';
  }
  if (CLAIM.test(tag)) {
    return 'claim';
  }
  return tag === SNAPSHOT_TAG || tag === UPSTREAM_TAG ? 'derived' : 'unknown';
}

/** `_e.<10 digits>.<16 hex>` */
export function eventTag({ sequence, random }: Stamp): string {
  return `_e.${String(sequence).padStart(10, '0')}.${random}`;
}

/** The stamp after every stamp up to `sequence`. @throws ProxyError `integrity` when somebody used up the sequence. */
export function stampAfter(sequence: number, random: () => number): Stamp {
  if (sequence >= MAX_SEQUENCE) {
    throw new ProxyError('integrity', 'Storage holds an event with the last sequence that there is; whoever wrote it was not this program. Remove its tag.');
  }
  return { sequence: sequence + 1, random: hex32(random()) + hex32(random()) };
}

/** Whether a stamp from storage is one that this program can have written. */
export function isStamp({ sequence, random }: Stamp): boolean {
  return Number.isSafeInteger(sequence) && sequence >= 0 && sequence <= MAX_SEQUENCE && RANDOM.test(random);
}

/** The stamp of an event's tag, or null. */
export function stampOf(tag: string): Stamp | null {
  const match = EVENT.exec(tag);
  return match === null ? null : { sequence: Number(match[1]), random: match[2] ?? '' };
}

/** The tag that hides the fact `tag` for good; computed, so that a reader needs no list to see it. */
export function deletionTag(tag: string): string {
  return `_t.${sha256(tag).slice(0, 32)}`;
}

/** A tag of the decide rounds: `docs/decisions/20261124-decide-rounds.md`. */
export interface Claim {
  /** Which tag is being decided, hashed. */
  readonly subject: string;
  readonly round: number;
  readonly phase: 'a' | 'b';
  /** Hex of the manifest digest that is proposed. */
  readonly digest: string;
  /** Phase b: commit or not. */
  readonly vote: 'c' | 'n' | null;
}

/** The hash under which claims on `tag` are made. */
export function claimSubject(tag: string): string {
  return sha256(tag).slice(0, 16);
}

/** The hash under which claims on a deleted fact were made, from its deletion tag alone: both begin the hash of the fact's tag. */
export function claimSubjectOfDeletion(deletion: string): string {
  return deletion.slice('_t.'.length, '_t.'.length + 16);
}

/** The claim's tag. */
export function claimTag({ subject, round, phase, digest, vote }: Claim): string {
  return `_c.${subject}.${round}.${phase}.${digest}${vote === null ? '' : `.${vote}`}`;
}

/** The claim that a tag makes, or null. */
export function claimOf(tag: string): Claim | null {
  const match = CLAIM.exec(tag);
  if (match === null) {
    return null;
  }
  const [, subject = '', round = '', phase, digest = '', vote] = match;
  if ((phase === 'b') !== (vote !== undefined)) {
    return null;
  }
  return { subject, round: Number(round), phase: phase === 'a' ? 'a' : 'b', digest, vote: vote === 'c' || vote === 'n' ? vote : null };
}

/** Whether `left` is later than `right`. */
export function isLater(left: Stamp, right: Stamp): boolean {
  return left.sequence === right.sequence ? left.random > right.random : left.sequence > right.sequence;
}

function hex32(fraction: number): string {
  return Math.floor(fraction * 2 ** 32).toString(16).padStart(8, '0');
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
