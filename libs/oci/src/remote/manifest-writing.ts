import { ProxyError } from '@oci-package-proxy/errors';

import { type Digest, isDigest } from '../model/digest.ts';
import type { ManifestBytes } from '../model/manifest.ts';
import { checkManifestBytes } from '../model/manifest-bytes.ts';
import { pause } from './http/abort.ts';
import type { Answer } from './http/exchange.ts';
import { errorCodes, side } from './http/failures.ts';
import { contentDigest, statManifest } from './manifest-reading.ts';
import { pushFailure } from './push-failure.ts';
import { checkReference, PUSH, type RepositoryEndpoint } from './repository-endpoint.ts';

const MAX_REPEATS = 3;
/** A blob that another upload is just writing again can be missing for a moment on distribution 2.8. */
const MAX_MISSING = 3;
const MISSING_PARTS: ReadonlySet<string> = new Set(['MANIFEST_BLOB_UNKNOWN', 'BLOB_UNKNOWN', 'MANIFEST_UNKNOWN']);

/** What is put, and where; without a tag by its digest. */
export interface ManifestWrite {
  readonly manifest: ManifestBytes;
  readonly tag?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * PUT of a manifest, which is then read back by its tag or digest, because a 201 does not prove that it was stored or that the tag is ours
 * (`reference/oci.md` §0.2), and not every registry looks for the children that an index names. Not there: put again, up to 3 times.
 * Another digest there: somebody replaced ours, which is no error as tags may be replaced, but only if our manifest is in the store; else
 * it was dropped and is put again.
 */
export async function writeManifest(endpoint: RepositoryEndpoint, write: ManifestWrite): Promise<void> {
  const reference = write.tag ?? write.manifest.digest;
  checkWrite(endpoint, reference, write.manifest);
  for (let repeat = 0; repeat <= MAX_REPEATS; repeat += 1) {
    await putManifest(endpoint, reference, write);
    if (await isApplied(endpoint, reference, write)) {
      return;
    }
    await pause(Math.random() * endpoint.client.retry.baseMs * 2 ** repeat, write.signal, writing(endpoint, reference));
  }
  throw notShown(endpoint, reference);
}

/** What is asked of every manifest before it is put. @throws ProxyError `invalid`, `integrity`, `too-large`. */
export function checkWrite(endpoint: RepositoryEndpoint, reference: string, manifest: ManifestBytes): void {
  checkReference(reference, endpoint);
  const subject = endpoint.subject(`writing manifest ${reference}`);
  checkManifestBytes(manifest, subject);
  const { maxManifestBytes } = endpoint.profile;
  if (manifest.bytes.length > maxManifestBytes) {
    const text = `it has ${manifest.bytes.length} bytes, and ${endpoint.client.registry.host} takes manifests to ${maxManifestBytes} bytes`;
    throw new ProxyError('too-large', `${subject}: ${text} (storage.capabilities.maxManifestBytes in CONFIG_FILE; raise it only where the registry takes more)`);
  }
}

/** A tag or manifest that was acknowledged every time, and is not there. */
export function notShown(endpoint: RepositoryEndpoint, reference: string): ProxyError {
  return new ProxyError('storage-unavailable', `${writing(endpoint, reference)}: the registry says that it stored it, but does not show it; look at the registry's log`);
}

/** PUT, once, of a manifest. @returns null when the registry took it, else why it did not. @throws ProxyError what may be gone at the next attempt. */
export async function tryPut(endpoint: RepositoryEndpoint, reference: string, write: ManifestWrite): Promise<ProxyError | null> {
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
    return null;
  }
  return writeFailure(endpoint, answer, request.subject);
}

async function putManifest(endpoint: RepositoryEndpoint, reference: string, write: ManifestWrite): Promise<void> {
  const failure = await tryPut(endpoint, reference, write);
  if (failure === null) {
    return;
  }
  const standing = mayBeThere(endpoint, failure) ? await standingDigest(endpoint, reference, write.signal) : null;
  if (standing === write.manifest.digest) {
    return;
  }
  const immutable = standing !== null && endpoint.profile.immutableTags && failure.code !== 'conflict';
  throw immutable ? new ProxyError('conflict', `${failure.message}; the tag is there, and may not be replaced`, { cause: failure }) : failure;
}

/** Registries refuse to put a tag again in many ways, even with the same manifest: zot by 403, some by a 400 with a word of their own. */
function mayBeThere({ profile }: RepositoryEndpoint, failure: ProxyError): boolean {
  return failure.code === 'conflict' || failure.code === 'storage-denied' || (profile.immutableTags && (failure.code === 'storage-unavailable' || failure.code === 'unsupported'));
}

async function standingDigest(endpoint: RepositoryEndpoint, reference: string, signal: AbortSignal | undefined): Promise<Digest | null> {
  // Whoever may not look either hears why nothing could be put.
  return statManifest(endpoint, { reference, actions: PUSH, signal }).catch(() => null);
}

function checkDigest(answer: Answer, manifest: ManifestBytes, subject: string): void {
  const stored = contentDigest(answer);
  if (stored !== null && stored !== manifest.digest) {
    throw new ProxyError('integrity', `${subject}: the registry stored ${stored} where ${manifest.digest} was sent`);
  }
}

function writing(endpoint: RepositoryEndpoint, reference: string): string {
  return endpoint.subject(`writing ${isDigest(reference) ? 'manifest' : 'tag'} ${reference}`);
}

async function isApplied(endpoint: RepositoryEndpoint, reference: string, write: ManifestWrite): Promise<boolean> {
  const query = { actions: PUSH, signal: write.signal };
  const shown = await statManifest(endpoint, { ...query, reference });
  if (shown === null || shown === write.manifest.digest) {
    return shown !== null;
  }
  return (await statManifest(endpoint, { ...query, reference: write.manifest.digest })) !== null;
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
  if (answer.status === 409 || answer.status === 412) {
    return new ProxyError('conflict', `${subject}: ${side(answer)} answered ${[answer.status, ...errorCodes(answer.bytes).slice(0, 3)].join(' ')}; the tag is there and may not be replaced`);
  }
  return pushFailure(endpoint, answer, subject);
}
