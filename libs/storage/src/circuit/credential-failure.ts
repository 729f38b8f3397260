import { isProxyError, ProxyError } from '@oci-package-proxy/errors';

/** A docker config or a helper that broke while we run is to be mended by the operator, as any other credential: nothing of ours is wrong. */
export function credentialFailure(error: unknown): unknown {
  return isProxyError(error, 'config') ? new ProxyError('storage-denied', `the storage credential: ${error.message}`, { cause: error }) : error;
}
