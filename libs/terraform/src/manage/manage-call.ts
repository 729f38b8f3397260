import { ProxyError } from '@oci-package-proxy/errors';
import type { LedgerPort } from '@oci-package-proxy/storage';

import { canonicalVersion } from '../versions/version.ts';

/** What of the ledger management needs. */
export type ManageLedger = Pick<LedgerPort, 'fold' | 'record' | 'delete' | 'writeDerived'>;

/** In whose name something is changed. */
export interface ManageCall {
  readonly by: string;
  readonly signal?: AbortSignal | undefined;
}

/** Longest reason of a yank, in UTF-16 code units: clients print it in one line. */
const MAX_REASON_LENGTH = 1000;

/** A reason as clients may print it: one line of text. @throws ProxyError `invalid` for one that is too long or has control characters. */
export function checkReason(reason: string): string {
  if (reason.length > MAX_REASON_LENGTH) {
    throw new ProxyError('invalid', `The reason has ${reason.length} characters; at most ${MAX_REASON_LENGTH} are allowed.`);
  }
  if (!reason.isWellFormed() || /\p{Cc}/u.test(reason)) {
    throw new ProxyError('invalid', 'The reason has control characters, such as a line break, or is not valid Unicode. Write it in one line.');
  }
  return reason;
}

/** A version as it is listed. @throws ProxyError `invalid` for what is none. */
export function checkVersion(text: string): string {
  const version = canonicalVersion(text);
  if (version === null) {
    throw new ProxyError('invalid', `${quoted(text)} is no version. Write it with three numbers and without a v, as 1.2.3 or 1.2.3-rc.1.`);
  }
  return version;
}

/** `text` for an error text: quoted, without what could break a line, and not endless. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
