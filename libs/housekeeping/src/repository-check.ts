import { type Digest, type Index, isManifest, type Manifest, type ManifestBytes, parseManifest, type Repository } from '@oci-package-proxy/oci';
import { ANNOTATIONS, claimOf, type CoveredTag, claimSubjectOfDeletion, deletionTag, kindOf, LEDGER_TYPES, SNAPSHOT_TAG } from '@oci-package-proxy/storage';

import { ContentCheck, type ContentCounts, type Defect, guarded } from './content-check.ts';
import { checkCoverage } from './coverage-check.ts';
import type { Holding } from './holding.ts';
import { inParallel } from './in-parallel.ts';

const TAGS_AT_ONCE = 8;

/** What a tag is to us. `derived`: it can be made again. `foreign`: somebody else's. `hidden`: a deleted fact that is still there, or what it was decided by. */
export type TagKind = 'fact' | 'event' | 'deletion' | 'origin' | 'claim' | 'derived' | 'catalogue' | 'foreign' | 'hidden';

/** A defect, and whose. */
export interface Problem extends Defect {
  readonly ecosystem: string | null;
  readonly package: string | null;
  readonly repository: string;
  readonly tag: string;
  readonly kind: TagKind;
}

/** What is counted while repositories are checked. */
export interface CheckCounts extends ContentCounts {
  repositories: number;
  readonly tags: Record<TagKind, number>;
}

/** How one repository is checked. */
export interface RepositoryChecking {
  readonly holding: Holding;
  readonly repository: Repository;
  readonly quick: boolean;
  readonly counts: CheckCounts;
  readonly signal?: AbortSignal | undefined;
  /** What its snapshot covers; null when nobody knows. */
  coverage(): Promise<ReadonlyMap<string, CoveredTag> | null>;
  /** Hears of everything that is wrong. */
  onProblem(problem: Problem): void;
  /** Hears of every tag that was checked. */
  onTag(): void;
}

/**
 * Checks every tag of one repository, all that they lead to, and whether those are there that its snapshot covers.
 * @returns the tags. @throws ProxyError where they cannot be listed.
 */
export async function checkRepository(checking: RepositoryChecking): Promise<ReadonlySet<string>> {
  const tags = await tagsOf(checking.repository, checking.signal);
  if (tags.size === 0) {
    return tags;
  }
  const reported = new Set<string>();
  const onProblem = (problem: Problem): void => {
    reported.add(problem.tag);
    checking.onProblem(problem);
  };
  const how = { ...checking, onProblem };
  how.counts.repositories += 1;
  const content = new ContentCheck(how);
  const deleted = new Set([...tags].filter((tag) => kindOf(tag) === 'deletion').map(claimSubjectOfDeletion));
  const unread: string[] = [];
  const read = new Map<string, Digest>();
  await inParallel(tags, TAGS_AT_ONCE, async (tag) => {
    if (!(await checkTag(how, { tag, tags, deleted, content, read }))) {
      unread.push(tag);
    }
    how.onTag();
  });
  // What was removed since the list was made is nothing wrong.
  const still = unread.length === 0 ? tags : await tagsOf(how.repository, how.signal);
  for (const tag of unread.filter((listed) => still.has(listed))) {
    report(how, { tag, kind: formOf(how, tag) }, [{ what: 'manifest', problem: 'missing', digest: null, message: 'the tag is listed and cannot be read' }]);
  }
  if (tags.has(SNAPSHOT_TAG) && !reported.has(SNAPSHOT_TAG)) {
    await checkSnapshot(how, { tags, read, reported });
  }
  return tags;
}

async function checkSnapshot(how: RepositoryChecking, found: { readonly tags: ReadonlySet<string>; readonly read: ReadonlyMap<string, Digest>; readonly reported: ReadonlySet<string> }): Promise<void> {
  const { repository, signal } = how;
  const defects = await guarded({ what: 'manifest', digest: null }, async () => {
    const covered = await how.coverage();
    if (covered !== null) {
      await checkCoverage({ ...found, repository, covered, signal, list: () => tagsOf(repository, signal), onLost: (tag, kind, lost) => report(how, { tag, kind }, lost) });
    }
    return [];
  });
  report(how, { tag: SNAPSHOT_TAG, kind: 'derived' }, defects);
}

/** All tags of a repository, listed now. */
export async function tagsOf(repository: Pick<Repository, 'listTags'>, signal?: AbortSignal): Promise<ReadonlySet<string>> {
  const tags = new Set<string>();
  for await (const page of repository.listTags({ signal })) {
    for (const tag of page) {
      tags.add(tag);
    }
  }
  return tags;
}

interface CheckedTag {
  readonly tag: string;
  readonly tags: ReadonlySet<string>;
  /** The subjects of claims whose facts were deleted. */
  readonly deleted: ReadonlySet<string>;
  readonly content: ContentCheck;
  /** Hears what stands under the tag. */
  readonly read: Map<string, Digest>;
}

/** @returns whether the tag led to something. */
async function checkTag(how: RepositoryChecking, { tag, tags, deleted, content, read }: CheckedTag): Promise<boolean> {
  let found = true;
  // A registry that deletes a manifest may take what its claims name along; nothing is decided by them any more.
  let kind = deleted.has(claimOf(tag)?.subject ?? '') ? 'hidden' : formOf(how, tag);
  const defects = await guarded({ what: 'manifest', digest: null }, async () => {
    const stored = await how.repository.readManifest(tag, { signal: how.signal });
    if (stored === null) {
      found = false;
      return [];
    }
    read.set(tag, stored.digest);
    const manifest = parsed(stored);
    kind = kindIn(kind, { tag, tags, manifest });
    return kind === 'hidden' ? [] : [...contradictions(kind, { tag, stored, manifest }), ...(await content.tagged(stored))];
  });
  if (found) {
    how.counts.tags[kind] += 1;
    report(how, { tag, kind }, defects);
  }
  return found;
}

function report({ holding, onProblem }: RepositoryChecking, subject: { readonly tag: string; readonly kind: TagKind }, defects: readonly Defect[]): void {
  for (const defect of defects) {
    onProblem({ ecosystem: holding.ecosystem, package: holding.name, repository: holding.repository, ...subject, ...defect });
  }
}

function parsed(stored: ManifestBytes): Manifest | Index | null {
  try {
    return parseManifest(stored);
  } catch {
    return null;
  }
}

/** What kind of tag it is by its form alone. */
function formOf({ holding }: RepositoryChecking, tag: string): TagKind {
  const kind = kindOf(tag);
  if (kind === 'fact') {
    return holding.kind === 'catalogue' ? 'catalogue' : 'fact';
  }
  return kind === 'unknown' ? 'foreign' : kind;
}

function kindIn(form: TagKind, { tag, tags, manifest }: { readonly tag: string; readonly tags: ReadonlySet<string>; readonly manifest: Manifest | Index | null }): TagKind {
  if (form !== 'fact' || manifest === null) {
    return form;
  }
  const annotations = manifest.annotations ?? {};
  const own = annotations[ANNOTATIONS.tag];
  if (tags.has(deletionTag(own ?? tag))) {
    return 'hidden';
  }
  if (manifest.artifactType === LEDGER_TYPES.catalogue) {
    return 'catalogue';
  }
  if (annotations[ANNOTATIONS.derived] !== undefined) {
    return 'derived';
  }
  return annotations[ANNOTATIONS.origin] === undefined || own === undefined ? 'foreign' : 'fact';
}

/** Where a tag of ours holds what it must not hold. */
function contradictions(kind: TagKind, { tag, stored, manifest }: { readonly tag: string; readonly stored: ManifestBytes; readonly manifest: Manifest | Index | null }): readonly Defect[] {
  const type = typeOf(kind, tag);
  if (manifest === null || type === null || (manifest.artifactType === type && manifest.annotations?.[ANNOTATIONS.tag] === tag)) {
    return [];
  }
  const what = isManifest(manifest) ? 'manifest' : 'index';
  return [{ what: 'manifest', problem: 'wrong', digest: stored.digest, message: `the ${what} under it is none that this program wrote for this tag` }];
}

function typeOf(kind: TagKind, tag: string): string | null {
  if (kind === 'event' || kind === 'deletion' || kind === 'origin' || kind === 'claim' || kind === 'catalogue') {
    return LEDGER_TYPES[kind];
  }
  if (kind === 'derived' && kindOf(tag) === 'derived') {
    return tag === SNAPSHOT_TAG ? LEDGER_TYPES.snapshot : LEDGER_TYPES.upstream;
  }
  return null;
}
