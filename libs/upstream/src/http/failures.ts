import { ProxyError, redactUrl } from '@oci-package-proxy/errors';

import { abortedError } from '../abort.ts';
import { retryAfterMs } from './retry.ts';

/** A failure and whether the same request may succeed a moment later. */
export interface Failure {
  readonly error: ProxyError;
  readonly retryable: boolean;
  /** Whether it counts against the origin. */
  readonly broken: boolean;
}

const RETRYABLE_STATUS: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Whether an answer with `status` is worth asking again. */
export function isRetryableStatus(status: number): boolean {
  return RETRYABLE_STATUS.has(status);
}

/** What a request that got no answer is reported as. */
export function networkFailure(error: unknown, url: URL, signal: AbortSignal | undefined): Failure {
  if (signal?.aborted === true) {
    return { error: abortedError(subjectOf(url), signal), retryable: false, broken: false };
  }
  const policy = policyError(error);
  if (policy !== null) {
    return { error: new ProxyError('policy', `${subjectOf(url)}: ${policy.message}`, { cause: policy }), retryable: false, broken: false };
  }
  const message = `${subjectOf(url)}: no answer from ${url.host} (${networkCode(error)}); check the upstream's URL, that it is up and that this host may reach it`;
  return { error: new ProxyError('upstream-unavailable', message, { cause: error }), retryable: true, broken: true };
}

/** What a status that is no answer is reported as; `null` for one that is. */
export function statusFailure(status: number, headers: Readonly<Record<string, string>>, url: URL): Failure | null {
  const said = `${subjectOf(url)}: ${url.host} answered ${status}`;
  const after = retryAfterMs(headers['retry-after'] ?? null, Date.now());
  const details = after === null ? {} : { retryAfterMs: after };
  if (status === 401 || status === 403 || status === 407) {
    return { error: new ProxyError('upstream-denied', `${said}; check the credential configured for this upstream`), retryable: false, broken: false };
  }
  if (status === 429) {
    return { error: new ProxyError('rate-limited', `${said}; it wants fewer requests: configure a credential for it, or ask for a higher limit`, details), retryable: true, broken: false };
  }
  if (status === 508) {
    return { error: new ProxyError('loop', `${said}; the request came back to this proxy: an upstream must not lead to ourselves`), retryable: false, broken: false };
  }
  if (status >= 500) {
    return { error: new ProxyError('upstream-unavailable', `${said}; look at the upstream's health`, details), retryable: isRetryableStatus(status), broken: true };
  }
  return null;
}

/** Operation and subject of every error text. */
export function subjectOf(url: URL): string {
  return `fetching ${redactUrl(url)}`;
}

/** A short word for what went wrong with a connection. */
export function networkCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'connection broken';
}

// The guard's error arrives as it is, or (of several addresses) within an AggregateError.
function policyError(error: unknown): ProxyError | null {
  if (error instanceof ProxyError && error.code === 'policy') {
    return error;
  }
  if (error instanceof AggregateError) {
    return error.errors.map(policyError).find((found) => found !== null) ?? null;
  }
  return null;
}
