import { ProxyError } from '@oci-package-proxy/errors';
import type { LedgerPort } from '@oci-package-proxy/storage';

/** What of the ledger management needs. */
export type ManageLedger = Pick<LedgerPort, 'fold' | 'record' | 'delete'>;

/** In whose name something is changed. */
export interface ManageCall {
  readonly by: string;
  readonly signal?: AbortSignal | undefined;
}

/** Longest reason of a yank or a status, in UTF-16 code units. */
export const MAX_REASON_LENGTH = 1000;

/**
 * A reason as it may be shown in an index: one line of text.
 * @throws ProxyError `invalid` for one that is too long or has control characters, which no attribute of an HTML page can carry.
 */
export function checkReason(reason: string): string {
  if (reason.length > MAX_REASON_LENGTH) {
    throw new ProxyError('invalid', `The reason has ${reason.length} characters; at most ${MAX_REASON_LENGTH} are allowed.`);
  }
  if (!reason.isWellFormed() || /\p{Cc}/u.test(reason)) {
    throw new ProxyError('invalid', 'The reason has control characters, such as a line break, or is not valid Unicode. Write it in one line.');
  }
  return reason;
}

/** `text` for an error text: quoted, without what could break a line, and not endless. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
