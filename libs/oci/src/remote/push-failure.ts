import { ProxyError } from '@oci-package-proxy/errors';

import type { Answer } from './http/exchange.ts';
import { errorCodes, statusFailure } from './http/failures.ts';

/**
 * Statuses of a registry that is read-only (405 in distribution's maintenance mode, 501 where a gateway knows no writes) or
 * has no room left (507). Only what reads as well as it did is said to be read-only: `storage-read-only`.
 */
const READ_ONLY: ReadonlyMap<number, string> = new Map([
  [405, 'it is read-only now; end its read-only or maintenance mode'],
  [501, 'it is read-only now; end its read-only or maintenance mode'],
  [507, 'it has no room left; free some, or raise its quota'],
]);
const QUOTA = /QUOTA|^DENIED$/;

/** A refused write: what read-only and full registries and missing repositories answer is told apart from failures. */
export function pushFailure(answer: Answer, subject: string): ProxyError {
  const readOnly = READ_ONLY.get(answer.status);
  if (readOnly !== undefined) {
    return new ProxyError('storage-read-only', `${subject}: the registry ${answer.url.host} takes no writes (${answer.status}): ${readOnly}`);
  }
  const codes = errorCodes(answer.bytes);
  // A limit on one body says SIZE_INVALID, or is a page of a gateway's.
  if (answer.status === 413 && codes.some((code) => QUOTA.test(code))) {
    return new ProxyError('storage-read-only', `${subject}: the registry ${answer.url.host} takes no more (413 ${codes.join(', ')}): its quota is used up; raise it, or free some room`);
  }
  if (answer.status === 401 || answer.status === 403) {
    return new ProxyError('storage-denied', `${subject}: the registry ${answer.url.host} refuses the write (${[answer.status, ...codes.slice(0, 3)].join(' ')}); check that the storage credential may push there, and that no quota is used up`);
  }
  if (answer.status === 404) {
    return new ProxyError('storage-denied', `${subject}: the registry does not create repositories on push (404); create it, or its project, there`);
  }
  return statusFailure(answer, subject);
}
