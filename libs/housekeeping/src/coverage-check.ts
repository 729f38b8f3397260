import { type ManifestBytes, parseManifest, type Repository } from '@oci-package-proxy/oci';
import { ANNOTATIONS, type CoveredTag, deletionTag } from '@oci-package-proxy/storage';

import { type Defect, guarded } from './content-check.ts';
import { inParallel } from './in-parallel.ts';

const TAGS_AT_ONCE = 8;

/** What a snapshot covers, and what was found of it. */
export interface CoverageChecking {
  readonly repository: Repository;
  readonly covered: ReadonlyMap<string, CoveredTag>;
  /** As they were listed before the snapshot was read. */
  readonly tags: ReadonlySet<string>;
  /** The digest that was read by each tag. */
  readonly read: ReadonlyMap<string, string>;
  /** Tags of which it was said already that they cannot be read. */
  readonly reported: ReadonlySet<string>;
  readonly signal?: AbortSignal | undefined;
  /** Lists the tags now. */
  list(): Promise<ReadonlySet<string>>;
  onLost(tag: string, kind: CoveredTag['kind'], defects: readonly Defect[]): void;
}

/**
 * Reports what a snapshot covers and is not there any more, or is something else. Versions may be gone once they were deleted: their
 * deletion is put before they are removed, and never removed itself. Nothing else that a snapshot covers is ever removed by us.
 */
export async function checkCoverage(how: CoverageChecking): Promise<void> {
  const suspects = [...how.covered].filter(([tag, covered]) => isSuspect(how, tag, covered));
  if (suspects.length === 0) {
    return;
  }
  // The snapshot may be younger than the list.
  const now = await how.list();
  const left = suspects.filter(([tag]) => (how.tags.has(tag) || !now.has(tag)) && !now.has(deletionTag(tag)));
  await inParallel(left, TAGS_AT_ONCE, async ([tag, covered]) => {
    how.onLost(tag, covered.kind, await guarded({ what: 'manifest', digest: covered.digest }, () => defectsOf(how, tag, covered)));
  });
}

function isSuspect({ tags, read, reported }: CoverageChecking, tag: string, { kind, digest }: CoveredTag): boolean {
  if (reported.has(tag) || (kind === 'fact' && tags.has(deletionTag(tag)))) {
    return false;
  }
  return digest === null ? !tags.has(tag) : read.get(tag) !== digest;
}

async function defectsOf({ repository, signal }: CoverageChecking, tag: string, { kind, digest, payload }: CoveredTag): Promise<readonly Defect[]> {
  const stored = await repository.readManifest(tag, { signal });
  if (stored !== null && (digest === null || stored.digest === digest)) {
    return [];
  }
  // Asked after the tag: a list that was made of several pages may show neither.
  if (kind === 'fact' && (await repository.statManifest(deletionTag(tag), { signal })) !== null) {
    return [];
  }
  if (stored === null) {
    return [{ what: 'manifest', problem: 'missing', digest, message: 'the snapshot covers it, and it is not there any more' }];
  }
  return kind === 'fact' && isSameFact(stored, tag, payload) ? [] : [{ what: 'manifest', problem: 'wrong', digest: stored.digest, message: `the snapshot covers ${digest ?? 'another manifest'} under it` }];
}

/** Rivals that pull one file through write manifests of their own for the same bytes, and one of them stays. */
function isSameFact(stored: ManifestBytes, tag: string, payload: string | null): boolean {
  const annotations = parseManifest(stored).annotations ?? {};
  return payload !== null && payload !== '' && annotations[ANNOTATIONS.tag] === tag && annotations[ANNOTATIONS.payload] === payload;
}
