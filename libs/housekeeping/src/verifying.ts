import { isProxyError } from '@oci-package-proxy/errors';

import { type CoveredTag, readCoverage } from '@oci-package-proxy/storage';

import { AskedNames } from './asked-names.ts';
import { type Holding, refOf } from './holding.ts';
import { type CheckCounts, checkRepository, type Problem, type TagKind } from './repository-check.ts';
import { inParallel } from './in-parallel.ts';
import { ListedPackages } from './listed-packages.ts';
import { bytesText, countText, Progress } from './progress.ts';
import { ReadFailures } from './read-failures.ts';
import { holdingsIn, type NamedPackage, type Scope, type ScopeSearch } from './scope.ts';

const REPOSITORIES_AT_ONCE = 4;
/** Kept for the report; all are counted. */
const MAX_PROBLEMS = 10_000;

/** What is verified, and how. */
export interface Verification extends ScopeSearch {
  readonly scope: Scope;
  /** Manifests are read; blobs are asked for and not read. */
  readonly quick: boolean;
  /** Hears how far it is. */
  readonly progress?: (line: string) => void;
}

/** What verifying found. */
export interface VerifyReport extends Readonly<CheckCounts> {
  /** How many there are; `problems` holds at most 10 000 of them. */
  readonly problemCount: number;
  readonly problems: readonly Problem[];
  /** Packages that were asked for by name and of which nothing is held. */
  readonly absent: readonly NamedPackage[];
}

/**
 * Reads every manifest, by its tag and by its digest, every child of an index and every blob of the repositories in the scope, and looks
 * for tags and packages that were there.
 * @throws ProxyError `storage-denied`, `aborted`; `storage-unavailable` when the store keeps failing.
 */
export async function verify(verification: Verification): Promise<VerifyReport> {
  const counts: CheckCounts = { repositories: 0, tags: noTags(), manifests: 0, blobs: 0, bytes: 0 };
  const problems = new Problems(() => counts.manifests + counts.blobs);
  const progress = new Progress(verification.progress);
  const { registry, quick, signal } = verification;
  const asked = new AskedNames();
  const listed = new ListedPackages();
  const coverage = inTurn((holding: Holding) => coverageOf(verification, holding));
  await inParallel(holdingsIn(verification, verification.scope, { asked, listed }), REPOSITORIES_AT_ONCE, async (holding) => {
    const onTag = (): void => progress.step(() => `${holding.repository}: ${countsText(counts)}, ${countText(problems.count, 'problem')}`);
    try {
      const tags = await checkRepository({ holding, repository: registry.repository(holding.repository), quick, counts, signal, coverage: () => coverage(holding), onProblem: (problem) => problems.add(problem), onTag });
      listed.see(holding.repository, tags);
      if (tags.size > 0) {
        asked.find(holding);
      }
    } catch (error) {
      if (!isProxyError(error, 'storage-unavailable') && !isProxyError(error, 'integrity')) {
        throw error;
      }
      asked.find(holding);
      listed.hold(holding.repository);
      const { ecosystem, name, repository } = holding;
      problems.add({ ecosystem, package: name, repository, tag: '', kind: 'foreign', what: 'manifest', problem: 'unreadable', digest: null, message: error.message });
    }
  });
  await listed.reportEmpty({ registry, signal, onProblem: (problem) => problems.add(problem) });
  return { ...counts, problemCount: problems.count, problems: problems.kept, absent: asked.absent };
}

/** `12 packages, 340 tags, 700 manifests, 690 blobs (1.2 GiB)`. */
export function countsText({ repositories, tags, manifests, blobs, bytes }: Readonly<CheckCounts>): string {
  let all = 0;
  for (const count of Object.values(tags)) {
    all += count;
  }
  return `${repositories} ${repositories === 1 ? 'repository' : 'repositories'}, ${countText(all, 'tag')}, ${countText(manifests, 'manifest')}, ${countText(blobs, 'blob')} (${bytesText(bytes)})`;
}

class Problems {
  readonly kept: Problem[] = [];
  count = 0;
  readonly #failures: ReadFailures;

  constructor(readSoFar: () => number) {
    this.#failures = new ReadFailures('Verifying was given up: nothing can be read any more', readSoFar);
  }

  add(problem: Problem): void {
    this.count += 1;
    if (this.kept.length < MAX_PROBLEMS) {
      this.kept.push(problem);
    }
    if (problem.problem === 'unreadable') {
      this.#failures.add(problem.message);
    }
  }
}

async function coverageOf(verification: Verification, holding: Holding): Promise<ReadonlyMap<string, CoveredTag> | null> {
  const ref = await refOf(verification, holding);
  return ref === null ? null : readCoverage(verification.registry, ref, { signal: verification.signal });
}

/** One call after the other: all that is known of a large package is in memory meanwhile. */
function inTurn<A, T>(work: (argument: A) => Promise<T>): (argument: A) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (argument) => {
    const next = last.then(() => work(argument));
    last = next.catch(() => undefined);
    return next;
  };
}

function noTags(): Record<TagKind, number> {
  return { fact: 0, event: 0, deletion: 0, origin: 0, claim: 0, derived: 0, catalogue: 0, foreign: 0, hidden: 0 };
}
