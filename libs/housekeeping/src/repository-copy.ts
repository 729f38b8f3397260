import { isProxyError, type ProxyError } from '@oci-package-proxy/errors';
import type { Digest, Repository } from '@oci-package-proxy/oci';
import { deletionTag, kindOf } from '@oci-package-proxy/storage';

import { ContentCopy, type CopiedContent } from './content-copy.ts';
import type { Arrived } from './derived-copy.ts';
import type { Holding } from './holding.ts';
import { inParallel } from './in-parallel.ts';
import type { ReadFailures } from './read-failures.ts';
import { tagsOf } from './repository-check.ts';
import { isUnread, type SourceRepository } from './source-repository.ts';
import { copyTag, type TagCopying, type TagOutcome } from './tag-copy.ts';

const TAGS_AT_ONCE = 4;
/** How often a tag is copied that was acknowledged and is not listed. */
const ATTEMPTS = 3;
/** What is made of other tags. Some of it shows only when it is read, and is put off until here. */
const DERIVED_STAGE = ['derived'] as const;
/**
 * What may be seen must never be more than it is: where the package comes from before any version, what is hidden or changed before
 * what it hides or changes, and what is made of it last. Claims stay: they belong to the store in which they were made.
 */
const STAGES = [['origin'], ['deletion'], ['event'], ['fact', 'unknown'], DERIVED_STAGE] as const;

/** What was not copied as it is. `conflict`: the target has something else, and keeps it. `failed`: the source does not show it, or not rightly. */
export interface CopyProblem {
  readonly ecosystem: string | null;
  readonly package: string | null;
  readonly repository: string;
  readonly tag: string;
  readonly problem: 'conflict' | 'failed';
  /** For people. */
  readonly message: string;
}

/** What is counted while repositories are copied. */
export interface CopyCounts extends CopiedContent {
  repositories: number;
  /** Tags that were written. */
  copied: number;
  /** Tags that were there already. */
  present: number;
  /** Tags that stay away: of deleted versions, and what is made of versions that the target does not have. */
  hidden: number;
}

/** How one repository is copied. */
export interface RepositoryCopying {
  readonly holding: Holding;
  readonly source: SourceRepository;
  readonly target: Repository;
  readonly sourceTags: ReadonlySet<string>;
  readonly exclusive: boolean;
  readonly mend: boolean;
  readonly counts: CopyCounts;
  readonly signal?: AbortSignal | undefined;
  /** Of the source, in all repositories. */
  readonly failures: ReadFailures;
  onProblem(problem: CopyProblem): void;
  /** Hears that something was done. */
  onStep(): void;
}

/** Copies every tag of one repository, in the order in which nothing is half visible. @throws ProxyError what the target throws when it cannot be asked, and the source when nothing can be read there any more. */
export async function copyRepository(how: RepositoryCopying): Promise<void> {
  const { source, target, sourceTags, exclusive, mend, counts, signal } = how;
  const content = new ContentCopy({ source, target, counts, signal, onBytes: how.onStep });
  let targetTags = await tagsOf(target, signal);
  const arrived: Arrived = { manifests: new Set(), conflicts: 0, alone: onlyOnce(() => factsAlone(how, targetTags)) };
  let left: ReadonlySet<string> = sourceTags;
  counts.repositories += 1;
  for (let attempt = 1; ; attempt += 1) {
    const copied = await copyStages(how, { source, target, sourceTags, targetTags, content, arrived, derived: false, exclusive, mend, signal }, left);
    // A 201 is no proof that a tag is there.
    targetTags = copied.size === 0 ? targetTags : await tagsOf(target, signal);
    const listed = targetTags;
    left = new Set([...copied].filter((tag) => !listed.has(tag)));
    if (left.size === 0 || attempt === ATTEMPTS) {
      break;
    }
    counts.copied -= left.size;
  }
  for (const tag of left) {
    counts.copied -= 1;
    report(how, tag, { problem: 'failed', message: `the target accepted it ${ATTEMPTS} times and does not list it` });
  }
}

/** @returns the tags that were written. */
async function copyStages(how: RepositoryCopying, copying: TagCopying, tags: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  const written = new Set<string>();
  const putOff: string[] = [];
  let originFailed = false;
  for (const stage of STAGES) {
    const [kinds, derived]: [readonly string[], boolean] = [stage, stage === DERIVED_STAGE];
    const chosen = [...tags].filter((tag) => kinds.includes(kindOf(tag)));
    await inParallel(derived ? [...putOff, ...chosen] : chosen, TAGS_AT_ONCE, async (tag) => {
      const outcome = await copyOne(how, { ...copying, derived }, tag);
      originFailed ||= outcome === null && kindOf(tag) === 'origin';
      (outcome === 'later' ? putOff : []).push(tag);
      if (outcome === 'copied') {
        written.add(tag);
      }
      how.onStep();
    });
    if (stage[0] === 'origin' && (copying.arrived.conflicts > 0 || originFailed)) {
      break;
    }
  }
  return written;
}

async function copyOne(how: RepositoryCopying, copying: TagCopying, tag: string): Promise<TagOutcome | null> {
  try {
    const outcome = await copyTag(copying, tag);
    if (typeof outcome === 'object') {
      conflict(how, copying, { tag, message: `the target has ${outcome.conflict} under it, which stays${whatFollows(tag)}` });
      return outcome;
    }
    if (outcome !== 'later') {
      how.counts[outcome] += 1;
    }
    return outcome;
  } catch (error) {
    if (!isOfThisTag(error)) {
      throw error;
    }
    if (error.code === 'conflict') {
      conflict(how, copying, { tag, message: error.message });
    } else {
      report(how, tag, { problem: 'failed', message: kindOf(tag) === 'origin' ? `${error.message} Nothing of the package was copied: it must be known where it comes from.` : error.message });
    }
    if (isUnread(error)) {
      how.failures.add(error.message);
    }
    return null;
  }
}

function conflict(how: RepositoryCopying, { arrived }: TagCopying, { tag, message }: { readonly tag: string; readonly message: string }): void {
  arrived.conflicts += 1;
  report(how, tag, { problem: 'conflict', message });
}

/** Versions of upstream must not turn up in a package that was published, under a private name, nor the other way round. */
function whatFollows(tag: string): string {
  return kindOf(tag) === 'origin' ? ': one of the two packages was published and the other one comes from upstream, and so nothing of it was copied' : '';
}

async function factsAlone({ target, sourceTags, signal }: RepositoryCopying, targetTags: ReadonlySet<string>): Promise<ReadonlySet<Digest>> {
  const tags = [...targetTags].filter((tag) => kindOf(tag) === 'fact' && !sourceTags.has(tag) && !targetTags.has(deletionTag(tag)) && !sourceTags.has(deletionTag(tag)));
  const digests = new Set<Digest>();
  await inParallel(tags, TAGS_AT_ONCE, async (tag) => {
    const digest = await target.statManifest(tag, { signal });
    if (digest !== null) {
      digests.add(digest);
    }
  });
  return digests;
}

function onlyOnce<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => (made ??= make());
}

/** Whether the failure says something of what is copied and not of the stores: the others can be copied all the same. */
function isOfThisTag(error: unknown): error is ProxyError {
  return isProxyError(error) && ['integrity', 'conflict', 'too-large', 'unprocessable', 'invalid', 'unsupported'].includes(error.code);
}

function report({ holding, onProblem }: RepositoryCopying, tag: string, what: Pick<CopyProblem, 'problem' | 'message'>): void {
  onProblem({ ecosystem: holding.ecosystem, package: holding.name, repository: holding.repository, tag, ...what });
}
