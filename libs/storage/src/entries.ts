import { setTimeout as sleep } from 'node:timers/promises';

import { type Descriptor, isManifest, type ManifestBytes, parseManifest, type Repository } from '@oci-package-proxy/oci';

import { decodeEvent } from './event.ts';
import { decodeFact, factContent, isForOthers } from './fact-decoding.ts';
import { type Fact, type FactContent, MAX_DOCUMENT_BYTES, type PendingFact } from './fact.ts';
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

/**
 * A fact with what is not in its manifest or index: the index's child and the document are a request each where they are large.
 * `lost`, and logged: storage does not have them. `foreign`: the index's child is none of ours.
 * @throws ProxyError `integrity` for a child or document that is damaged.
 */
export async function completeFact(reading: TagReading, { fact, content }: PendingFact): Promise<Fact | 'lost' | 'foreign'> {
  if ('digest' in content) {
    const said = await readContent(reading, fact.tag, content);
    return typeof said === 'string' ? said : withDocument(reading, fact, said);
  }
  return withDocument(reading, fact, content);
}

async function withDocument(reading: TagReading, fact: PendingFact['fact'], said: FactContent): Promise<Fact | 'lost'> {
  const { document } = said;
  if (typeof document === 'string') {
    return { ...fact, ...said, document };
  }
  const bytes = await readStoredBlob(reading.repository, document, { limit: MAX_DOCUMENT_BYTES, signal: reading.signal });
  return bytes === null ? lost(reading, fact.tag, document) : { ...fact, ...said, document: bytes.toString('utf8') };
}

async function readContent(reading: TagReading, tag: string, child: Descriptor): Promise<FactContent | 'lost' | 'foreign'> {
  const stored = await reading.repository.readManifest(child.digest, { signal: reading.signal });
  if (stored === null) {
    return lost(reading, tag, child);
  }
  const manifest = parseManifest(stored);
  return (isManifest(manifest) ? factContent(manifest) : null) ?? 'foreign';
}

function lost({ ref, logger }: TagReading, tag: string, { digest }: Pick<Descriptor, 'digest'>): 'lost' {
  logger.warn({ repository: ref.repository, tag, digest }, 'storage has lost the document of a version');
  return 'lost';
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
  if (decoded !== null && 'kind' in decoded) {
    return decoded;
  }
  const fact = decoded === null ? 'foreign' : await completeFact(reading, decoded);
  if (fact === 'foreign') {
    warnOfForeign(reading, tag, stored);
    return { kind: 'ignored', tag, digest };
  }
  return fact === 'lost' ? null : { kind: 'fact', tag, digest, fact };
}

// Signatures and other people's pushes are no news; what bears our name and is not ours is.
function warnOfForeign({ ref, logger }: TagReading, tag: string, stored: ManifestBytes): void {
  if ((kindOf(tag) !== 'fact' || stored.bytes.includes(MEDIA_TYPE_PREFIX)) && !isForOthers(ref, tag, stored)) {
    logger.warn({ repository: ref.repository, tag, digest: stored.digest }, 'a tag does not hold what it must; it is ignored');
  }
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
