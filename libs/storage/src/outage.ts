import { isProxyError } from '@oci-package-proxy/errors';

/** Whether `error` says that storage could not be asked, so that what is remembered of it is the best there is. */
export function isStorageAway(error: unknown): boolean {
  return isProxyError(error, 'storage-unavailable') || isProxyError(error, 'storage-denied');
}
