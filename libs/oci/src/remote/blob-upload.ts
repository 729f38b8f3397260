import { ProxyError } from '@oci-package-proxy/errors';

import type { Digest } from '../model/digest.ts';
import type { BlobSource } from '../ports/repository.ts';
import { checkSource, verifiedSource } from '../verify/verified-source.ts';
import { holdsBlob } from './blob-part.ts';
import { type Answer, headerText } from './http/exchange.ts';
import { errorCodes } from './http/failures.ts';
import { resolveLocation } from './http/location.ts';
import { withRetries } from './http/retry.ts';
import { contentDigest } from './manifest-reading.ts';
import { pushFailure } from './push-failure.ts';
import { PUSH, type RepositoryEndpoint } from './repository-endpoint.ts';

const OTHER_BYTES: ReadonlySet<string> = new Set(['DIGEST_INVALID', 'SIZE_INVALID', 'BLOB_UPLOAD_INVALID']);

/**
 * Uploads a blob in one piece (POST, then PUT: the only way that every registry takes) unless it is there. The source
 * is verified while it is sent; its last piece is held back until it is right, so that nothing wrong can be stored.
 * Every retry begins with a new session, and with the question whether the blob is there by now.
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
    const location = await beginUpload(endpoint, source.digest, signal);
    await sendUpload(endpoint, source, { location, signal });
  });
  endpoint.knownBlobs.add(endpoint.name, source.digest);
}

async function beginUpload(endpoint: RepositoryEndpoint, digest: Digest, signal: AbortSignal | undefined): Promise<URL> {
  const request = endpoint.request({ method: 'POST', path: 'blobs/uploads/', operation: `beginning the upload of ${digest}`, actions: PUSH, signal });
  const answer = await endpoint.client.askOnce(request);
  if (answer.status !== 202) {
    throw pushFailure(answer, request.subject);
  }
  const stated = headerText(answer.headers, 'location');
  const location = stated === null ? null : resolveLocation(stated, answer.url, endpoint.client.registry);
  if (location === null) {
    throw new ProxyError('storage-unavailable', `${request.subject}: the registry does not say where to upload to, or leaves TLS`);
  }
  return withDigest(location, digest);
}

/** The query of the location is kept to the letter: registries sign it. */
function withDigest(location: URL, digest: Digest): URL {
  const url = new URL(location);
  url.search = `${url.search === '' ? '?' : `${url.search}&`}digest=${encodeURIComponent(digest)}`;
  return url;
}

async function sendUpload(endpoint: RepositoryEndpoint, source: BlobSource, upload: { location: URL; signal: AbortSignal | undefined }): Promise<void> {
  const request = endpoint.request({
    method: 'PUT',
    path: upload.location,
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(source.size) },
    body: () => verifiedSource(source, endpoint.name),
    operation: `uploading ${source.digest}`,
    actions: PUSH,
    lane: 'upload',
    signal: upload.signal,
  });
  const answer = await endpoint.client.askOnce(request);
  if (answer.status !== 201 && answer.status !== 204 && answer.status !== 200) {
    throw uploadFailure(answer, request.subject);
  }
  const stored = contentDigest(answer);
  if (stored !== null && stored !== source.digest) {
    throw new ProxyError('integrity', `${request.subject}: the registry stored ${stored} instead`);
  }
}

function uploadFailure(answer: Answer, subject: string): ProxyError {
  const codes = errorCodes(answer.bytes);
  if (codes.some((code) => OTHER_BYTES.has(code))) {
    return new ProxyError('storage-unavailable', `${subject}: other bytes arrived than were sent (${codes[0]}); a proxy on the way may change them`);
  }
  if (answer.status === 404 || answer.status === 416) {
    return new ProxyError('storage-unavailable', `${subject}: the registry lost the upload session (${answer.status})`);
  }
  return pushFailure(answer, subject);
}
