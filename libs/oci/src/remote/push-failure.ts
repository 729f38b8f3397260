import { ProxyError } from '@oci-package-proxy/errors';

import type { Answer } from './http/exchange.ts';
import { errorCodes, saysMissing, side, statusFailure } from './http/failures.ts';
import { KNOWN_PRODUCTS } from './profile/known-products.ts';
import type { RepositoryEndpoint } from './repository-endpoint.ts';

/**
 * Statuses of a registry that is read-only (405 in distribution's maintenance mode, 501 where a gateway knows no writes) or
 * has no room left (507). Only what reads as well as it did is said to be read-only: `storage-read-only`.
 */
const READ_ONLY: ReadonlyMap<number, string> = new Map([
  [405, 'it is read-only now; end its read-only or maintenance mode'],
  [501, 'it is read-only now; end its read-only or maintenance mode'],
  [507, 'it has no room left; free some, or raise its quota'],
]);
/** Statuses below 500 after which the same write may succeed, or which say something else: of rate, time, size and policy. */
const MAY_PASS: ReadonlySet<number> = new Set([408, 409, 412, 413, 425, 429]);
const QUOTA = /QUOTA|^DENIED$/;

/** A refused write: what read-only and full registries and missing repositories answer is told apart from failures. */
export function pushFailure(endpoint: RepositoryEndpoint, answer: Answer, subject: string): ProxyError {
  const readOnly = READ_ONLY.get(answer.status);
  if (readOnly !== undefined) {
    return new ProxyError('storage-read-only', `${subject}: ${side(answer)} takes no writes (${answer.status}): ${readOnly}`);
  }
  const codes = errorCodes(answer.bytes);
  // A limit on one body says SIZE_INVALID, or is a page of a gateway's.
  if (answer.status === 413 && codes.some((code) => QUOTA.test(code))) {
    return new ProxyError('storage-read-only', `${subject}: ${side(answer)} takes no more (413 ${codes.join(', ')}): its quota is used up; raise it, or free some room`);
  }
  if (saysMissing(answer)) {
    return missingRepository(endpoint, answer, subject);
  }
  if (answer.status === 401 || answer.status === 403) {
    return new ProxyError('storage-denied', `${subject}: ${side(answer)} refuses the write (${[answer.status, ...codes.slice(0, 3)].join(' ')}); check that the storage credential may push there, and that no quota is used up`);
  }
  if (codes.length > 0 && answer.status >= 400 && answer.status < 500 && !MAY_PASS.has(answer.status)) {
    return new ProxyError('unsupported', `${subject}: ${side(answer)} refuses it (${answer.status} ${codes.slice(0, 3).join(', ')}), and would again; its log says why`);
  }
  return statusFailure(answer, subject);
}

/** What an operator has to make before the first push, as far as it is known which registry it is. */
function missingRepository({ name, profile }: RepositoryEndpoint, answer: Answer, subject: string): ProxyError {
  const said = [answer.status, ...errorCodes(answer.bytes).slice(0, 3)].join(' ');
  const known = profile.product === null ? null : KNOWN_PRODUCTS[profile.product];
  const create = known === null ? 'Create it there, or its project, or what else stands before it' : `${known.title} needs before the first push: ${known.creation}`;
  return new ProxyError('storage-denied', `${subject}: ${side(answer)} has no repository ${name} and does not create it on a push (${said}). ${create}`);
}
