import { isProxyError, ProxyError } from '@oci-package-proxy/errors';

import type { ManifestBytes } from '../model/manifest.ts';
import { checkManifestBytes } from '../model/manifest-bytes.ts';
import { pause } from './http/abort.ts';
import type { Answer } from './http/exchange.ts';
import { errorCodes } from './http/failures.ts';
import { contentDigest, statManifest } from './manifest-reading.ts';
import { pushFailure } from './push-failure.ts';
import { checkReference, PUSH, type RepositoryEndpoint } from './repository-endpoint.ts';

const MAX_REPEATS = 3;
/** A blob that another upload is just writing again can be missing for a moment on distribution 2.8. */
const MAX_MISSING = 3;
const MISSING_PARTS: ReadonlySet<string> = new Set(['MANIFEST_BLOB_UNKNOWN', 'BLOB_UNKNOWN', 'MANIFEST_UNKNOWN']);

interface ManifestWrite {
  readonly manifest: ManifestBytes;
  readonly tag?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * PUT of a manifest; with a tag, the tag is read back, because a 201 does not prove that the tag is ours
 * (`reference/oci.md` §0.2). Not there: put again, up to 3 times. Another digest there: somebody replaced ours, which
 * is no error as tags may be replaced, but only if our manifest is in the store; else it was dropped and is put again.
 */
export async function writeManifest(endpoint: RepositoryEndpoint, write: ManifestWrite): Promise<void> {
  const reference = write.tag ?? write.manifest.digest;
  checkReference(reference, endpoint);
  checkManifestBytes(write.manifest, endpoint.subject(`writing manifest ${reference}`));
  for (let repeat = 0; repeat <= MAX_REPEATS; repeat += 1) {
    await putManifest(endpoint, reference, write);
    if (write.tag === undefined || (await isApplied(endpoint, write.tag, write))) {
      return;
    }
    await pause(Math.random() * endpoint.client.retry.baseMs * 2 ** repeat, write.signal, endpoint.subject(`writing tag ${reference}`));
  }
  throw new ProxyError(
    'storage-unavailable',
    `${endpoint.subject(`writing tag ${reference}`)}: the registry says that it stored it, but does not show it; look at the registry's log`,
  );
}

async function putManifest(endpoint: RepositoryEndpoint, reference: string, write: ManifestWrite): Promise<void> {
  const request = endpoint.request({
    method: 'PUT',
    path: `manifests/${reference}`,
    headers: { 'content-type': write.manifest.mediaType },
    body: write.manifest.bytes,
    operation: `writing manifest ${reference}`,
    actions: PUSH,
    signal: write.signal,
  });
  let answer = await endpoint.client.ask(request);
  for (let missing = 0; missing < MAX_MISSING && lacksParts(answer); missing += 1) {
    await pause((0.5 + Math.random()) * endpoint.client.retry.baseMs * 2 ** missing, write.signal, request.subject);
    answer = await endpoint.client.ask(request);
  }
  if (answer.status >= 200 && answer.status < 300) {
    checkDigest(answer, write.manifest, request.subject);
    return;
  }
  const failure = writeFailure(endpoint, answer, request.subject);
  if (!isProxyError(failure, 'conflict') || !(await isOurs(endpoint, reference, write))) {
    throw failure;
  }
}

function checkDigest(answer: Answer, manifest: ManifestBytes, subject: string): void {
  const stored = contentDigest(answer);
  if (stored !== null && stored !== manifest.digest) {
    throw new ProxyError('integrity', `${subject}: the registry stored ${stored} where ${manifest.digest} was sent`);
  }
}

async function isApplied(endpoint: RepositoryEndpoint, tag: string, write: ManifestWrite): Promise<boolean> {
  const query = { actions: PUSH, signal: write.signal };
  const shown = await statManifest(endpoint, { ...query, reference: tag });
  if (shown === null || shown === write.manifest.digest) {
    return shown !== null;
  }
  return (await statManifest(endpoint, { ...query, reference: write.manifest.digest })) !== null;
}

async function isOurs(endpoint: RepositoryEndpoint, reference: string, write: ManifestWrite): Promise<boolean> {
  const shown = await statManifest(endpoint, { reference, actions: PUSH, signal: write.signal });
  return shown === write.manifest.digest;
}

function lacksParts(answer: Answer): boolean {
  return (answer.status === 400 || answer.status === 404) && errorCodes(answer.bytes).some((code) => MISSING_PARTS.has(code));
}

function writeFailure(endpoint: RepositoryEndpoint, answer: Answer, subject: string): ProxyError {
  if (lacksParts(answer)) {
    endpoint.knownBlobs.forget(endpoint.name);
    return new ProxyError('unprocessable', `${subject}: the registry does not have a blob or child that the manifest names; upload it first`);
  }
  // The tag's grammar was checked before: a registry that still refuses it (ECR) means that it is there and immutable.
  if (answer.status === 400 && errorCodes(answer.bytes).includes('TAG_INVALID')) {
    return new ProxyError('conflict', `${subject}: the tag is there and the registry lets nobody replace it`);
  }
  return pushFailure(answer, subject);
}
