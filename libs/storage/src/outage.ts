import { isProxyError } from '@oci-package-proxy/errors';

/** `error`, for which something else may be tried. @throws `error` itself, when it does not say that storage could not be asked. */
export function unlessAway(error: unknown): unknown {
  if (!isStorageAway(error)) {
    throw error;
  }
  return error;
}

/** Whether `error` says that storage could not be asked, so that what is remembered of it is the best there is. */
export function isStorageAway(error: unknown): boolean {
  return isProxyError(error, 'storage-unavailable') || isProxyError(error, 'storage-denied');
}
