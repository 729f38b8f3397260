import type { Digest } from '../model/digest.ts';
import type { Action } from './auth/scope.ts';
import { throwIfAborted } from './http/abort.ts';
import type { Answer } from './http/exchange.ts';
import { errorCodes, saysMissing, statusFailure } from './http/failures.ts';
import { readManifest, statManifest } from './manifest-reading.ts';
import type { DeleteWay } from './profile/learned-deletes.ts';
import { checkReference, type RepositoryEndpoint } from './repository-endpoint.ts';
import { listTags } from './tag-listing.ts';

const DELETE: readonly Action[] = ['delete', 'pull'];
/** Other tags that are looked at one by one before a digest is deleted that they may share. */
const MAX_COMPARED = 64;

/**
 * Removes a tag as far as the registry lets us (`reference/oci.md` §3), in the way that its profile names. Where nobody said: by
 * tag; where that is not known (400, 404, 405), by digest; and what it said that it does not do is not tried again for an hour. By digest
 * only if no other tag can have the same, because that removes all of them.
 * @returns whether the tag is gone. A refusal is no error: deletes are hygiene.
 */
export async function deleteTag(endpoint: RepositoryEndpoint, tag: string, signal?: AbortSignal): Promise<boolean> {
  checkReference(tag, endpoint);
  const { deletes } = endpoint.profile;
  if (deletes === 'none') {
    throwIfAborted(signal, endpoint.subject(`deleting tag ${tag}`));
    return false;
  }
  if (deletes !== 'digest' && !endpoint.learnedDeletes.lacks('tag')) {
    const removed = await removeTag(endpoint, tag, signal);
    if (removed !== null) {
      return removed;
    }
  }
  const digest = await statManifest(endpoint, { reference: tag, signal });
  if (digest === null) {
    return true;
  }
  if (deletes === 'tag' || endpoint.learnedDeletes.lacks('digest')) {
    return false;
  }
  return (await isOwnDigest(endpoint, { tag, digest, signal })) && removeDigest(endpoint, { tag, digest, signal });
}

interface TagDigest {
  readonly tag: string;
  readonly digest: Digest;
  readonly signal: AbortSignal | undefined;
}

/** Null: it is not known whether the tag is there, or the registry does not do this. */
async function removeTag(endpoint: RepositoryEndpoint, tag: string, signal: AbortSignal | undefined): Promise<boolean | null> {
  const answer = await remove(endpoint, tag, signal);
  if (isGone(answer)) {
    return true;
  }
  if (isRefusal(answer)) {
    endpoint.client.warn(`${endpoint.client.registry.host} refuses to delete tags (${answer.status}); deleted versions stay in its store, hidden`);
    return false;
  }
  if (answer.status !== 400 && answer.status !== 404 && answer.status !== 405) {
    throw statusFailure(answer, endpoint.subject(`deleting tag ${tag}`));
  }
  // distribution 2.8 takes the tag for a digest, and says so. The tag's grammar was checked before.
  if (isUnsupported(answer) || errorCodes(answer.bytes).includes('DIGEST_INVALID')) {
    learn(endpoint, 'tag');
  }
  return null;
}

async function removeDigest(endpoint: RepositoryEndpoint, { tag, digest, signal }: TagDigest): Promise<boolean> {
  const answer = await remove(endpoint, digest, signal);
  if (isGone(answer)) {
    return true;
  }
  if (answer.status >= 500) {
    throw statusFailure(answer, endpoint.subject(`deleting tag ${tag}`));
  }
  if (!saysMissing(answer)) {
    if (isUnsupported(answer)) {
      learn(endpoint, 'digest');
    }
    endpoint.client.warn(`${endpoint.client.registry.host} does not delete manifests (${answer.status}); deleted versions stay in its store, hidden`);
    return false;
  }
  return (await statManifest(endpoint, { reference: tag, signal })) === null;
}

function learn({ profile, learnedDeletes }: RepositoryEndpoint, way: DeleteWay): void {
  if (profile.deletes === 'learn') {
    learnedDeletes.learn(way);
  }
}

async function remove(endpoint: RepositoryEndpoint, reference: string, signal: AbortSignal | undefined): Promise<Answer> {
  return endpoint.client.ask(
    endpoint.request({ method: 'DELETE', path: `manifests/${reference}`, operation: `deleting manifest ${reference}`, actions: DELETE, signal }),
  );
}

/** A manifest that carries its tag's name in an annotation is that tag's alone; of others every tag must be looked at. */
async function isOwnDigest(endpoint: RepositoryEndpoint, { tag, digest, signal }: TagDigest): Promise<boolean> {
  const manifest = await readManifest(endpoint, { reference: digest, signal });
  if (manifest !== null && annotationValues(manifest.bytes).includes(tag)) {
    return true;
  }
  let compared = 0;
  for await (const page of listTags(endpoint, signal)) {
    for (const other of page.filter((name) => name !== tag)) {
      compared += 1;
      if (compared > MAX_COMPARED || (await statManifest(endpoint, { reference: other, signal })) === digest) {
        return false;
      }
    }
  }
  return true;
}

function annotationValues(bytes: Buffer): readonly unknown[] {
  try {
    const manifest = JSON.parse(bytes.toString()) as { annotations?: unknown } | null;
    return typeof manifest?.annotations === 'object' && manifest.annotations !== null ? Object.values(manifest.annotations) : [];
  } catch {
    return [];
  }
}

function isGone(answer: Answer): boolean {
  return answer.status === 200 || answer.status === 202 || answer.status === 204;
}

function isRefusal(answer: Answer): boolean {
  return answer.status === 401 || answer.status === 403;
}

/** Whether the registry does not do this at all. zot answers 405 DENIED too, for one manifest that an index needs. */
function isUnsupported(answer: Answer): boolean {
  const codes = errorCodes(answer.bytes);
  return !isRefusal(answer) && (codes.includes('UNSUPPORTED') || (answer.status === 405 && !codes.includes('DENIED')));
}
