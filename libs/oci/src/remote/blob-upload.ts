import { isProxyError } from '@oci-package-proxy/errors';

import type { BlobSource } from '../ports/repository.ts';
import { checkSource, verifiedSource } from '../verify/verified-source.ts';
import { holdsBlob } from './blob-part.ts';
import { sendChunks } from './chunked-upload.ts';
import { withRetries } from './http/retry.ts';
import { PUSH, type RepositoryEndpoint } from './repository-endpoint.ts';
import { beginUpload, cancelUpload, checkShown, checkUploaded, type UploadSession, withDigest } from './upload-session.ts';

/**
 * Uploads a blob unless it is there: in one piece (POST, then PUT: the only way that every registry takes), or in chunks where
 * the registry's profile says so. The source is verified while it is sent; its last piece is held back until it is right, so that
 * nothing wrong can be stored. Every retry begins with a new session, and with the question whether the blob is there by now; what was
 * acknowledged and is not there is uploaded again. An upload that is given up is cancelled.
 * @throws ProxyError `integrity` when the source does not yield what it promised, `invalid` for an empty blob.
 */
export async function uploadBlob(endpoint: RepositoryEndpoint, source: BlobSource, signal: AbortSignal | undefined): Promise<void> {
  checkSource(source, endpoint.subject('writing a blob'));
  if (endpoint.knownBlobs.has(endpoint.name, source.digest)) {
    return;
  }
  const subject = endpoint.subject(`writing blob ${source.digest}`);
  await withRetries(endpoint.client.retry, { subject, signal }, async () => {
    if (await holdsBlob(endpoint, { digest: source.digest, size: source.size, signal })) {
      return;
    }
    const session = await beginUpload(endpoint, source.digest, signal);
    try {
      await send(endpoint, source, { session, signal });
    } catch (error) {
      // What the registry may be storing at this moment is left alone: the next attempt asks whether it did.
      if (!session.ending || isOurs(error)) {
        cancelUpload(endpoint, session.location);
      }
      throw error;
    }
    await checkShown(endpoint, source.digest, signal);
  });
  endpoint.knownBlobs.add(endpoint.name, source.digest);
}

interface Upload {
  readonly session: UploadSession;
  readonly signal: AbortSignal | undefined;
}

async function send(endpoint: RepositoryEndpoint, source: BlobSource, upload: Upload): Promise<void> {
  const chunkBytes = endpoint.profile.uploadChunkBytes;
  if (chunkBytes !== null && source.size > chunkBytes) {
    return sendChunks(endpoint, source, { ...upload, chunkBytes });
  }
  return sendWhole(endpoint, source, upload);
}

async function sendWhole(endpoint: RepositoryEndpoint, source: BlobSource, { session, signal }: Upload): Promise<void> {
  session.ending = true;
  const request = endpoint.request({
    method: 'PUT',
    path: withDigest(session.location, source.digest),
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(source.size) },
    body: () => verifiedSource(source, endpoint.name),
    operation: `uploading ${source.digest}`,
    actions: PUSH,
    lane: 'upload',
    signal,
  });
  const answer = await endpoint.client.askOnce(request);
  checkUploaded(endpoint, answer, { digest: source.digest, subject: request.subject });
}

/** Whether it was the caller or the source that ended it. */
function isOurs(error: unknown): boolean {
  return isProxyError(error, 'aborted') || isProxyError(error, 'integrity') || isProxyError(error, 'internal');
}
