import { isProxyError, ProxyError } from '@oci-package-proxy/errors';

import { type Digest, digestOf, isDigest } from '../model/digest.ts';
import { INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE, type ManifestBytes } from '../model/manifest.ts';
import { MAX_MANIFEST_BYTES } from '../model/manifest-bytes.ts';
import type { Action } from './auth/scope.ts';
import { type Answer, headerText } from './http/exchange.ts';
import { saysMissing, statusFailure } from './http/failures.ts';
import { isUnavailable } from './http/retry.ts';
import { checkReference, PULL, type RepositoryEndpoint } from './repository-endpoint.ts';

/** Both types must be accepted, or an index is a 404 for distribution. */
const ACCEPT = `${MANIFEST_MEDIA_TYPE}, ${INDEX_MEDIA_TYPE}`;

interface ManifestQuery {
  readonly reference: string;
  readonly actions?: readonly Action[];
  readonly signal?: AbortSignal | undefined;
}

/**
 * GET of a manifest by tag or digest. Bytes that do not fit the digest are asked for again like a failed request:
 * distribution 2.8 writes in place, and a reader may see half of it.
 */
export async function readManifest(endpoint: RepositoryEndpoint, query: ManifestQuery): Promise<ManifestBytes | null> {
  checkReference(query.reference, endpoint);
  const request = endpoint.request({
    method: 'GET',
    path: `manifests/${query.reference}`,
    headers: { accept: ACCEPT },
    operation: `reading manifest ${query.reference}`,
    actions: query.actions ?? PULL,
    signal: query.signal,
  });
  const answer = await endpoint.client.ask(request, {
    maxBytes: MAX_MANIFEST_BYTES,
    accept: (given) => checkBytes(given, query.reference, request.subject),
    retryable: (error) => isUnavailable(error) || isProxyError(error, 'integrity'),
  });
  if (saysMissing(answer)) {
    return null;
  }
  if (answer.status !== 200) {
    throw statusFailure(answer, request.subject);
  }
  return { mediaType: mediaTypeOf(answer), digest: digestOf(answer.bytes), bytes: answer.bytes };
}

/** HEAD of a manifest; GET where the answer does not name the digest. */
export async function statManifest(endpoint: RepositoryEndpoint, query: ManifestQuery): Promise<Digest | null> {
  checkReference(query.reference, endpoint);
  const request = endpoint.request({
    method: 'HEAD',
    path: `manifests/${query.reference}`,
    headers: { accept: ACCEPT },
    operation: `looking up manifest ${query.reference}`,
    actions: query.actions ?? PULL,
    signal: query.signal,
  });
  const answer = await endpoint.client.ask(request);
  if (saysMissing(answer)) {
    return null;
  }
  if (answer.status !== 200) {
    throw statusFailure(answer, request.subject);
  }
  const named = contentDigest(answer);
  if (isDigest(query.reference) ? named === query.reference : named !== null) {
    return named;
  }
  // A 200 alone proves nothing: some gateways answer it to everything, with a page.
  return (await readManifest(endpoint, query))?.digest ?? null;
}

/** The digest that an answer names: distribution-spec, header `Docker-Content-Digest`. */
export function contentDigest(answer: Answer): Digest | null {
  const digest = headerText(answer.headers, 'docker-content-digest');
  return digest !== null && isDigest(digest) ? digest : null;
}

function checkBytes(answer: Answer, reference: string, subject: string): void {
  if (answer.status !== 200) {
    return;
  }
  const digest = digestOf(answer.bytes);
  const expected = isDigest(reference) ? reference : (contentDigest(answer) ?? digest);
  if (digest !== expected) {
    throw new ProxyError('integrity', `${subject}: the registry sent bytes of ${digest} where ${expected} was to come`);
  }
  if (contentDigest(answer) === null && !isDigest(reference) && !isObject(answer.bytes)) {
    throw new ProxyError('storage-unavailable', `${subject}: what ${answer.url.host} sent is no manifest; is the storage URL that of a registry?`);
  }
}

function isObject(bytes: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function mediaTypeOf(answer: Answer): string {
  // What the digest covers says more than a header that any proxy may change.
  return statedMediaType(answer.bytes) ?? (headerText(answer.headers, 'content-type') ?? '').replace(/;.*$/, '').trim();
}

function statedMediaType(bytes: Buffer): string | null {
  try {
    const manifest = JSON.parse(bytes.toString()) as { mediaType?: unknown } | null;
    return typeof manifest?.mediaType === 'string' ? manifest.mediaType : null;
  } catch {
    return null;
  }
}
