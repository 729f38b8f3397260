import type { ManifestBytes, Repository } from '@oci-package-proxy/oci';

import { decodeFact } from './fact-decoding.ts';
import type { PendingFact } from './fact.ts';
import type { PackageRef } from './package-ref.ts';
import { isWrongData } from './stored-blob.ts';
import { deletionTag } from './tags.ts';

/** What the store says about one tag now, asked by GET and HEAD and never by a list. */
export interface StoredFact {
  readonly deleted: boolean;
  /** Null when nothing stands under the tag. */
  readonly manifest: ManifestBytes | null;
  /** Null when nothing stands there, or something that is not ours. */
  readonly pending: PendingFact | null;
}

/** Looks up a fact and its deletion, in parallel. */
export async function lookUpFact(
  repository: Repository,
  { ref, tag, signal }: { readonly ref: PackageRef; readonly tag: string; readonly signal?: AbortSignal | undefined },
): Promise<StoredFact> {
  const [manifest, deletion] = await Promise.all([repository.readManifest(tag, { signal }), repository.statManifest(deletionTag(tag), { signal })]);
  return { deleted: deletion !== null, manifest, pending: manifest === null ? null : decodeOrNull(ref, tag, manifest) };
}

function decodeOrNull(ref: PackageRef, tag: string, manifest: ManifestBytes): PendingFact | null {
  try {
    return decodeFact(ref, tag, manifest);
  } catch (error) {
    if (!isWrongData(error)) {
      throw error;
    }
    return null;
  }
}
