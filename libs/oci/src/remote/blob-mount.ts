import { isProxyError, ProxyError } from '@oci-package-proxy/errors';

import { type Digest, isDigest } from '../model/digest.ts';
import type { Answer } from './http/exchange.ts';
import { contentDigest } from './manifest-reading.ts';
import { PUSH, type RepositoryEndpoint } from './repository-endpoint.ts';
import { cancelUpload, nextLocation } from './upload-session.ts';

/** What is mounted from where. */
export interface BlobMount {
  readonly digest: Digest;
  readonly from: RepositoryEndpoint;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Mounts a blob of another repository: distribution-spec "Mounting a blob from another repository". A registry that does not do it
 * begins an upload instead, which is given up.
 * @returns whether the registry says that it is there now. @throws ProxyError `aborted`.
 */
export async function mountBlob(endpoint: RepositoryEndpoint, { digest, from, signal }: BlobMount): Promise<boolean> {
  if (!isDigest(digest)) {
    throw new ProxyError('invalid', `a blob in ${endpoint.name}: not named by a sha256 digest`);
  }
  const path = `blobs/uploads/?mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from.name)}`;
  const request = endpoint.request({ method: 'POST', path, operation: `mounting blob ${digest} of ${from.name}`, actions: PUSH, readsToo: from.name, signal });
  const answer = await endpoint.client.ask(request).catch((error: unknown): Answer | null => {
    if (isProxyError(error, 'aborted')) {
      throw error;
    }
    return null;
  });
  const location = answer?.status === 202 ? nextLocation(endpoint, answer) : null;
  if (location !== null) {
    cancelUpload(endpoint, location);
  }
  return answer?.status === 201 && (contentDigest(answer) ?? digest) === digest;
}
