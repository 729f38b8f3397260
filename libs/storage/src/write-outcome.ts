import { type ErrorCode, ProxyError } from '@oci-package-proxy/errors';

/** Failures of storage that are not about what was to be written: the same may be written later. */
const OF_STORAGE: ReadonlySet<ErrorCode> = new Set(['storage-unavailable', 'storage-denied', 'storage-read-only']);

/** What a write that fails is said to have come to. */
export interface WriteOutcomes {
  /** A sentence or two for when nothing of it can be visible. */
  readonly nothing: string;
  /** The same for when it may be. */
  readonly unknown: string;
}

/** What storage says to a write that it has not carried out. */
const REFUSED: ReadonlySet<ErrorCode> = new Set(['storage-denied', 'storage-read-only']);

const BEFORE: WriteOutcomes = { nothing: 'Nothing was stored or changed; try again later.', unknown: '' };

/** How far a write has come. */
export interface WriteProgress {
  /** Set before the first request after which something may be visible. */
  begun: boolean;
}

/**
 * Runs a write; where storage fails, the error says besides what has become of the write, so that whoever asked for it knows what to do.
 * @throws whatever `write` failed with, with the same code.
 */
export async function sayingOutcome<T>(outcomes: WriteOutcomes, write: (progress: WriteProgress) => Promise<T>): Promise<T> {
  const progress = { begun: false };
  try {
    return await write(progress);
  } catch (error) {
    if (!(error instanceof ProxyError) || !OF_STORAGE.has(error.code)) {
      throw error;
    }
    const outcome = progress.begun ? outcomes.unknown : outcomes.nothing;
    const details = error.retryAfterMs === undefined ? { cause: error } : { cause: error, retryAfterMs: error.retryAfterMs };
    throw new ProxyError(error.code, `${error.message.replace(/[.\s]+$/, '')}. ${outcome}`, details);
  }
}

/** Puts something that can be seen: what was refused cannot, of anything else nobody knows. @throws as `put`. */
export async function putting<T>(progress: WriteProgress, put: () => Promise<T>): Promise<T> {
  const before = progress.begun;
  progress.begun = true;
  try {
    return await put();
  } catch (error) {
    progress.begun = before || !(error instanceof ProxyError && REFUSED.has(error.code));
    throw error;
  }
}

/**
 * Runs what a write has to know before it begins; where storage fails, the error says that nothing was written.
 * @throws as `read`.
 */
export async function beforeWriting<T>(read: () => Promise<T>): Promise<T> {
  return sayingOutcome(BEFORE, read);
}
