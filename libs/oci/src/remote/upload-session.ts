import { ProxyError } from '@oci-package-proxy/errors';

import type { Digest } from '../model/digest.ts';
import { type Answer, headerText } from './http/exchange.ts';
import { errorCodes, saysMissing } from './http/failures.ts';
import { resolveLocation } from './http/location.ts';
import { contentDigest } from './manifest-reading.ts';
import { pushFailure } from './push-failure.ts';
import { CANCEL, PUSH, type RepositoryEndpoint } from './repository-endpoint.ts';

const OTHER_BYTES: ReadonlySet<string> = new Set(['DIGEST_INVALID', 'SIZE_INVALID', 'BLOB_UPLOAD_INVALID']);
/** Nobody waits for it, and a process that ends must not for long. */
const CANCEL_TIMEOUT_MS = 10_000;

/** An upload that began. */
export interface UploadSession {
  /** Where its next request goes. May be presigned: never log it. */
  location: URL;
  /** Whether the request that ends it was sent. */
  ending: boolean;
  /** Least bytes of a chunk that is not the last: `OCI-Chunk-Min-Length`. 0: any. */
  readonly minChunkBytes: number;
}

/** POST: distribution-spec "Pushing blobs". @throws ProxyError `storage-denied` without a repository or a right, `storage-unavailable`. */
export async function beginUpload(endpoint: RepositoryEndpoint, digest: Digest, signal: AbortSignal | undefined): Promise<UploadSession> {
  const request = endpoint.request({ method: 'POST', path: 'blobs/uploads/', operation: `beginning the upload of ${digest}`, actions: PUSH, signal });
  const answer = await endpoint.client.askOnce(request);
  if (answer.status !== 202) {
    throw pushFailure(endpoint, answer, request.subject);
  }
  const location = nextLocation(endpoint, answer);
  if (location === null) {
    throw new ProxyError('storage-unavailable', `${request.subject}: the registry does not say where to upload to, or leaves TLS`);
  }
  const least = headerText(answer.headers, 'oci-chunk-min-length') ?? '';
  return { location, ending: false, minChunkBytes: /^\d{1,12}$/.test(least) ? Number(least) : 0 };
}

/** Where an answer says that the upload goes on; `null`: it does not, or leaves TLS. */
export function nextLocation(endpoint: RepositoryEndpoint, answer: Answer): URL | null {
  const stated = headerText(answer.headers, 'location');
  return stated === null ? null : resolveLocation(stated, answer.url, endpoint.client.registry);
}

/** The query of the location is kept to the letter: registries sign it. */
export function withDigest(location: URL, digest: Digest): URL {
  const url = new URL(location);
  url.search = `${url.search === '' ? '?' : `${url.search}&`}digest=${encodeURIComponent(digest)}`;
  return url;
}

/** Looks at the answer to the request that ends an upload. @throws ProxyError `integrity` when other bytes were stored. */
export function checkUploaded(endpoint: RepositoryEndpoint, answer: Answer, { digest, subject }: { readonly digest: Digest; readonly subject: string }): void {
  if (answer.status !== 201 && answer.status !== 204 && answer.status !== 200) {
    throw uploadFailure(endpoint, answer, subject);
  }
  const stored = contentDigest(answer);
  if (stored !== null && stored !== digest) {
    throw new ProxyError('integrity', `${subject}: the registry stored ${stored} instead`);
  }
}

/**
 * HEAD after an upload: a 201 does not prove that the blob was stored (`reference/oci.md` §0.2), and not every registry looks for the blobs
 * that a manifest names. Only one that says that the blob is not there is taken at its word: some stores behind one refuse every HEAD.
 * @throws ProxyError `storage-unavailable` when it is not there, or the registry cannot say: another attempt may do.
 */
export async function checkShown(endpoint: RepositoryEndpoint, digest: Digest, signal: AbortSignal | undefined): Promise<void> {
  const request = endpoint.request({ method: 'HEAD', path: `blobs/${digest}`, operation: `looking for uploaded blob ${digest}`, actions: PUSH, signal });
  const answer = await endpoint.client.askOnce(request);
  if (saysMissing(answer)) {
    throw new ProxyError('storage-unavailable', `${request.subject}: the registry says that it stored it, but does not show it; look at the registry's log`);
  }
}

/** What a refused request of an upload is reported as. */
export function uploadFailure(endpoint: RepositoryEndpoint, answer: Answer, subject: string): ProxyError {
  const codes = errorCodes(answer.bytes);
  if (codes.some((code) => OTHER_BYTES.has(code))) {
    return new ProxyError('storage-unavailable', `${subject}: other bytes arrived than were sent (${codes[0]}); a proxy on the way may change them`);
  }
  if (answer.status === 404 || answer.status === 416) {
    return new ProxyError('storage-unavailable', `${subject}: the registry lost the upload session (${answer.status})`);
  }
  return pushFailure(endpoint, answer, subject);
}

/** Gives an upload up, without waiting and without a failure: registries clean up by themselves, though late. */
export function cancelUpload(endpoint: RepositoryEndpoint, location: URL): void {
  // Another host has its own ways, and is shown no credential.
  if (location.origin !== endpoint.client.registry.origin) {
    return;
  }
  const signal = AbortSignal.timeout(CANCEL_TIMEOUT_MS);
  const request = endpoint.request({ method: 'DELETE', path: location, operation: 'giving up an upload', actions: CANCEL, signal });
  endpoint.client.askOnce(request).catch(() => undefined);
}
