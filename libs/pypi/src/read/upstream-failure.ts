import { isProxyError, ProxyError } from '@oci-package-proxy/errors';

const UPSTREAM_FAILURES = ['upstream-unavailable', 'upstream-denied', 'rate-limited', 'loop'] as const;

/** Whether upstream could not be asked: what is held then stands in for what it would have said. */
export function isUpstreamFailure(error: unknown): error is ProxyError {
  return UPSTREAM_FAILURES.some((code) => isProxyError(error, code));
}
