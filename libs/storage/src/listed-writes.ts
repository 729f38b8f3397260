import { ProxyError } from '@oci-package-proxy/errors';
import { isTagCreator, type ManifestBytes, type Repository } from '@oci-package-proxy/oci';

import { listTagSet } from './tag-set.ts';

const ATTEMPTS = 3;

/** What was written, and what ends the wait for it. */
export interface ListedWrites {
  /** By tag. */
  readonly written: ReadonlyMap<string, ManifestBytes>;
  /** A tag that makes all of it void, as a deletion does: once that is listed, nothing is put again. */
  readonly unless?: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Lists until every written tag is in the list, and puts again what is missing, at most 3 times: a 201 is no proof that a tag
 * is there (`reference/oci.md` §0).
 * @returns the last list.
 * @throws ProxyError `storage-unavailable` when the registry acknowledges the tags and does not show them.
 */
export async function confirmListed(repository: Repository, { written, unless, signal }: ListedWrites): Promise<ReadonlySet<string>> {
  for (let attempt = 0; ; attempt += 1) {
    const tags = await listTagSet(repository, signal);
    const missing = [...written].filter(([tag]) => !tags.has(tag));
    if (missing.length === 0 || (unless !== undefined && tags.has(unless))) {
      return tags;
    }
    if (attempt === ATTEMPTS) {
      const names = missing.map(([tag]) => tag).join(', ');
      throw new ProxyError('storage-unavailable', `The registry accepted ${names} in ${repository.name} ${ATTEMPTS + 1} times and does not list it. Try again; if it stays, its tag lists lag behind its writes.`);
    }
    for (const [tag, manifest] of missing) {
      await putOnce(repository, { tag, manifest, signal });
    }
  }
}

/** Puts a write-once tag: never over another one where the store can prevent it. */
export async function putOnce(
  repository: Repository,
  { tag, manifest, signal }: { readonly tag: string; readonly manifest: ManifestBytes; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  if (isTagCreator(repository)) {
    await repository.createTag(tag, manifest, { signal });
    return;
  }
  await repository.writeManifest(manifest, { tag, signal });
}
