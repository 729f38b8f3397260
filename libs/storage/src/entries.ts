import { setTimeout as sleep } from 'node:timers/promises';

import type { ManifestBytes, Repository } from '@oci-package-proxy/oci';

import { decodeEvent } from './event.ts';
import { decodeFact } from './fact-manifest.ts';
import { type Fact, MAX_DOCUMENT_BYTES, type PendingFact } from './fact.ts';
import type { Entry } from './fold.ts';
import { inParallel } from './in-parallel.ts';
import { decodeOrigin } from './origin.ts';
import type { LedgerLogger, PackageRef } from './package-ref.ts';
import { isWrongData, readStoredBlob } from './stored-blob.ts';
import { kindOf } from './tags.ts';
import { MEDIA_TYPE_PREFIX } from './vendor.ts';

const PARALLEL_READS = 8;
/** Registries that write a tag in two steps list it before it can be read: `reference/oci.md` §3. In milliseconds. */
const READ_AGAIN_AFTER_MS = [50, 150, 400];

/** Whose tags are read, and from where. */
export interface TagReading {
  readonly repository: Repository;
  readonly ref: PackageRef;
  readonly logger: LedgerLogger;
  readonly signal?: AbortSignal | undefined;
}

/** Whether a tag takes part in the fold, by its form. Claims and derived tags do not. */
export function isFolded(tag: string): boolean {
  const kind = kindOf(tag);
  return kind === 'fact' || kind === 'event' || kind === 'deletion' || kind === 'origin';
}

/** What `tags` say, at most 8 requests at once. A tag that is listed but cannot be read is logged and left out. */
export async function readEntries(reading: TagReading, tags: readonly string[]): Promise<Entry[]> {
  const entries = await inParallel(tags, PARALLEL_READS, (tag) => readEntry(reading, tag));
  return entries.filter((entry) => entry !== null);
}

/** A fact with its document, which is a request of its own where it is large; null when storage has lost it. */
export async function completeFact(reading: TagReading, { fact, document }: PendingFact): Promise<Fact | null> {
  if (typeof document === 'string') {
    return { ...fact, document };
  }
  const bytes = await readStoredBlob(reading.repository, document, { limit: MAX_DOCUMENT_BYTES, signal: reading.signal });
  if (bytes === null) {
    reading.logger.warn({ repository: reading.ref.repository, tag: fact.tag, digest: document.digest }, 'storage has lost the document of a version');
    return null;
  }
  return { ...fact, document: bytes.toString('utf8') };
}

async function readEntry(reading: TagReading, tag: string): Promise<Entry | null> {
  if (kindOf(tag) === 'deletion') {
    return { kind: 'deletion', tag };
  }
  const { repository, ref, logger, signal } = reading;
  try {
    const stored = await readListed(repository, tag, signal);
    if (stored !== null) {
      return await decodeEntry(reading, tag, stored);
    }
    logger.warn({ repository: ref.repository, tag }, 'a listed tag cannot be read');
  } catch (error) {
    if (!isWrongData(error)) {
      throw error;
    }
    logger.warn({ repository: ref.repository, tag, err: error }, 'a tag holds wrong data');
  }
  return null;
}

async function readListed(repository: Repository, tag: string, signal: AbortSignal | undefined): Promise<ManifestBytes | null> {
  for (const pause of READ_AGAIN_AFTER_MS) {
    const stored = await repository.readManifest(tag, { signal });
    if (stored !== null) {
      return stored;
    }
    await sleep(pause, undefined, { signal });
  }
  return repository.readManifest(tag, { signal });
}

async function decodeEntry(reading: TagReading, tag: string, stored: ManifestBytes): Promise<Entry | null> {
  const { digest } = stored;
  const decoded = decodeManifest(reading, tag, stored);
  if (decoded === null) {
    // Signatures and other people's pushes are no news; what bears our name and is not ours is.
    if (kindOf(tag) !== 'fact' || stored.bytes.includes(MEDIA_TYPE_PREFIX)) {
      reading.logger.warn({ repository: reading.ref.repository, tag, digest }, 'a tag does not hold what it must; it is ignored');
    }
    return { kind: 'ignored', tag, digest };
  }
  if ('kind' in decoded) {
    return decoded;
  }
  const fact = await completeFact(reading, decoded);
  return fact === null ? null : { kind: 'fact', tag, digest, fact };
}

function decodeManifest({ ref }: TagReading, tag: string, stored: ManifestBytes): Entry | PendingFact | null {
  const { digest } = stored;
  try {
    const kind = kindOf(tag);
    if (kind === 'event') {
      const event = decodeEvent(tag, stored);
      return event && { kind, tag, digest, event };
    }
    if (kind === 'origin') {
      const origin = decodeOrigin(stored);
      return origin && { kind, tag, digest, origin };
    }
    return decodeFact(ref, tag, stored);
  } catch (error) {
    if (!isWrongData(error)) {
      throw error;
    }
    return null;
  }
}
