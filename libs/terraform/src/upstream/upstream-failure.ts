import { isProxyError, ProxyError } from '@oci-package-proxy/errors';

const UPSTREAM_FAILURES = ['upstream-unavailable', 'upstream-denied', 'rate-limited', 'loop'] as const;

/** Whether upstream could not be asked: what is held then stands in for what it would have said. */
export function isUpstreamFailure(error: unknown): error is ProxyError {
  return UPSTREAM_FAILURES.some((code) => isProxyError(error, code));
}

/**
 * What counts as an upstream that cannot be asked: also a document that cannot be taken. `policy`, which a redirect to where nobody may
 * go would be, is a refusal to some clients, and `too-large` one of something that they sent.
 */
export function asUpstreamFailure(error: unknown): unknown {
  return isProxyError(error, 'too-large') || isProxyError(error, 'policy') ? new ProxyError('upstream-unavailable', error.message, { cause: error }) : error;
}
