import { isProxyError, type ProxyError } from '@oci-package-proxy/errors';
import type { Repository } from '@oci-package-proxy/oci';
import { kindOf } from '@oci-package-proxy/storage';

import { ContentCopy, type CopiedContent } from './content-copy.ts';
import type { Holding } from './holding.ts';
import { inParallel } from './in-parallel.ts';
import { tagsOf } from './repository-check.ts';
import { copyTag, type TagCopying } from './tag-copy.ts';

const TAGS_AT_ONCE = 4;
/** How often a tag is copied that was acknowledged and is not listed. */
const ATTEMPTS = 3;
/**
 * What may be seen must never be more than it is: where the package comes from before any version, what is hidden or changed before
 * what it hides or changes, and what is made of it last. Claims stay: they belong to the store in which they were made.
 */
const STAGES = [['origin'], ['deletion'], ['event'], ['fact', 'unknown'], ['derived']] as const;

/** What was not copied as it is. `conflict`: the target has something else, and keeps it. `failed`: the source does not show it rightly. */
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
  /** Tags of deleted versions, which stay away. */
  hidden: number;
}

/** How one repository is copied. */
export interface RepositoryCopying {
  readonly holding: Holding;
  readonly source: Repository;
  readonly target: Repository;
  readonly sourceTags: ReadonlySet<string>;
  readonly exclusive: boolean;
  readonly counts: CopyCounts;
  readonly signal?: AbortSignal | undefined;
  onProblem(problem: CopyProblem): void;
  /** Hears that something was done. */
  onStep(): void;
}

/** Copies every tag of one repository, in the order in which nothing is half visible. @throws ProxyError what the stores throw when they cannot be asked. */
export async function copyRepository(how: RepositoryCopying): Promise<void> {
  const { source, target, sourceTags, exclusive, counts, signal } = how;
  const content = new ContentCopy({ source, target, counts, signal, onBytes: how.onStep });
  let targetTags = await tagsOf(target, signal);
  let left: ReadonlySet<string> = sourceTags;
  counts.repositories += 1;
  for (let attempt = 1; ; attempt += 1) {
    const copying = { source, target, sourceTags, targetTags, content, exclusive, signal };
    const copied = await copyStages(how, copying, left);
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
  for (const stage of STAGES) {
    const kinds: readonly string[] = stage;
    await inParallel([...tags].filter((tag) => kinds.includes(kindOf(tag))), TAGS_AT_ONCE, async (tag) => {
      if (await copyOne(how, copying, tag)) {
        written.add(tag);
      }
      how.onStep();
    });
  }
  return written;
}

async function copyOne(how: RepositoryCopying, copying: TagCopying, tag: string): Promise<boolean> {
  try {
    const outcome = await copyTag(copying, tag);
    if (typeof outcome === 'object') {
      report(how, tag, { problem: 'conflict', message: `the target has ${outcome.conflict} under it, which stays` });
      return false;
    }
    how.counts[outcome] += 1;
    return outcome === 'copied';
  } catch (error) {
    if (!isOfThisTag(error)) {
      throw error;
    }
    report(how, tag, { problem: isProxyError(error, 'conflict') ? 'conflict' : 'failed', message: error.message });
    return false;
  }
}

/** Whether the failure says something of what is copied and not of the stores: the others can be copied all the same. */
function isOfThisTag(error: unknown): error is ProxyError {
  return isProxyError(error) && ['integrity', 'conflict', 'too-large', 'unprocessable', 'invalid', 'unsupported'].includes(error.code);
}

function report({ holding, onProblem }: RepositoryCopying, tag: string, what: Pick<CopyProblem, 'problem' | 'message'>): void {
  onProblem({ ecosystem: holding.ecosystem, package: holding.name, repository: holding.repository, tag, ...what });
}
