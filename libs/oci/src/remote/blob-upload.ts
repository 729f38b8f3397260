import type { Readable } from 'node:stream';

import { ProxyError, toProxyError } from '@oci-package-proxy/errors';

import { type Digest, isDigest } from '../model/digest.ts';
import type { BlobSource } from '../ports/repository.ts';
import { VerifyingStream } from '../verify/verifying-stream.ts';
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
  if (!isDigest(source.digest) || !Number.isSafeInteger(source.size) || source.size < 1) {
    throw new ProxyError('invalid', `${endpoint.subject('writing a blob')}: needs a sha256 digest and at least one byte; many registries refuse empty blobs`);
  }
  const subject = endpoint.subject(`writing blob ${source.digest}`);
  await withRetries(endpoint.client.retry, { subject, signal }, async () => {
    if (await holdsBlob(endpoint, { digest: source.digest, size: source.size, signal })) {
      return;
    }
    const location = await beginUpload(endpoint, source.digest, signal);
    await sendUpload(endpoint, source, { location, signal });
  });
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
    body: () => verified(source, endpoint),
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

function verified(source: BlobSource, endpoint: RepositoryEndpoint): Readable {
  const subject = endpoint.subject(`reading the source of blob ${source.digest}`);
  const what = `source of blob ${source.digest} of ${endpoint.name}`;
  const checked = new VerifyingStream({ size: source.size, sha256: source.digest.slice('sha256:'.length) }, what);
  // After an early answer the transport destroys the body, when nobody listens to it any more.
  checked.on('error', () => undefined);
  const bytes = opened(source, subject);
  // Whatever the source fails with arrives as a ProxyError, by which it is told apart from a broken connection.
  bytes.once('error', (error) => checked.destroy(toProxyError(error, subject)));
  bytes.once('close', () => {
    if (!bytes.readableEnded && !checked.destroyed) {
      checked.destroy(new ProxyError('internal', `${subject}: the source was closed before its end`));
    }
  });
  checked.once('close', () => bytes.destroy());
  return bytes.pipe(checked);
}

function opened(source: BlobSource, subject: string): Readable {
  try {
    return source.open();
  } catch (error) {
    throw toProxyError(error, subject);
  }
}
