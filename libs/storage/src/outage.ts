import type { Readable } from 'node:stream';

import { isProxyError, type ProxyError } from '@oci-package-proxy/errors';
import type { BlobBody } from '@oci-package-proxy/oci';

/**
 * The bytes of a held file; where storage has lost it or cannot be asked, what `instead` gives, which is told why.
 * @param lost what is wrong when storage does not have the file any more.
 * @throws ProxyError as `open`, but for an outage; as `instead`.
 */
export async function openedOr(open: () => Promise<BlobBody | null>, lost: ProxyError, instead: (failure: unknown) => Promise<Readable>): Promise<Readable> {
  let failure: unknown = lost;
  try {
    const body = await open();
    if (body !== null) {
      return body.stream;
    }
  } catch (error) {
    if (!isStorageAway(error)) {
      throw error;
    }
    failure = error;
  }
  return instead(failure);
}

/** Whether `error` says that storage could not be asked, so that what is remembered of it is the best there is. */
export function isStorageAway(error: unknown): boolean {
  return isProxyError(error, 'storage-unavailable') || isProxyError(error, 'storage-denied');
}
