import type { Digest } from '../model/digest.ts';
import type { ManifestBytes } from '../model/manifest.ts';
import { pause } from './http/abort.ts';
import { statManifest } from './manifest-reading.ts';
import { checkWrite, notShown, tryPut } from './manifest-writing.ts';
import { PUSH, type RepositoryEndpoint } from './repository-endpoint.ts';

const MAX_REPEATS = 3;

/** What is to be put under which tag. */
export interface TagCreation {
  readonly tag: string;
  readonly manifest: ManifestBytes;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Puts a tag on a registry that lets none be replaced, and says what it names: only for one whose operator says that its tags are
 * immutable, because only the registry can refuse the second of two rivals. How it refuses does not matter (ECR answers 400
 * ImageTagAlreadyExists, Harbor 412, zot 403): the tag is there, or the refusal was for something else.
 * @throws ProxyError `unprocessable` when a blob or child is missing, `storage-unavailable`, `storage-denied`, `too-large`.
 */
export async function createTag(endpoint: RepositoryEndpoint, { tag, manifest, signal }: TagCreation): Promise<Digest> {
  checkWrite(endpoint, tag, manifest);
  const query = { reference: tag, actions: PUSH, signal };
  for (let repeat = 0; repeat <= MAX_REPEATS; repeat += 1) {
    const before = await statManifest(endpoint, query);
    if (before !== null) {
      return before;
    }
    const failure = await tryPut(endpoint, tag, { manifest, tag, signal });
    const after = await statManifest(endpoint, query);
    if (after !== null) {
      return after;
    }
    if (failure !== null) {
      throw failure;
    }
    // Acknowledged and not there: `reference/oci.md` §0.2.
    await pause(Math.random() * endpoint.client.retry.baseMs * 2 ** repeat, signal, endpoint.subject(`writing tag ${tag}`));
  }
  throw notShown(endpoint, tag);
}
