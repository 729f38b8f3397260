import { isProxyError, ProxyError } from '@oci-package-proxy/errors';

import { AskedNames } from './asked-names.ts';
import { type CheckCounts, checkRepository, type Problem, type TagKind } from './repository-check.ts';
import { inParallel } from './in-parallel.ts';
import { bytesText, countText, Progress } from './progress.ts';
import { holdingsIn, type NamedPackage, type Scope, type ScopeSearch } from './scope.ts';

const REPOSITORIES_AT_ONCE = 4;
/** Kept for the report; all are counted. */
const MAX_PROBLEMS = 10_000;
/** After so many failures with nothing read in between there is no store to verify. */
const MAX_FAILURES = 25;

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
 * Reads every manifest, by its tag and by its digest, every child of an index and every blob of the repositories in the scope.
 * @throws ProxyError `storage-denied`, `aborted`; `storage-unavailable` when the store keeps failing.
 */
export async function verify(verification: Verification): Promise<VerifyReport> {
  const counts: CheckCounts = { repositories: 0, tags: noTags(), manifests: 0, blobs: 0, bytes: 0 };
  const problems = new Problems(() => counts.manifests + counts.blobs);
  const progress = new Progress(verification.progress);
  const { registry, quick, signal } = verification;
  const asked = new AskedNames();
  await inParallel(holdingsIn(verification, verification.scope, asked), REPOSITORIES_AT_ONCE, async (holding) => {
    const onTag = (): void => progress.step(() => `${holding.repository}: ${countsText(counts)}, ${countText(problems.count, 'problem')}`);
    try {
      if (await checkRepository({ holding, repository: registry.repository(holding.repository), quick, counts, signal, onProblem: (problem) => problems.add(problem), onTag })) {
        asked.find(holding);
      }
    } catch (error) {
      if (!isProxyError(error, 'storage-unavailable') && !isProxyError(error, 'integrity')) {
        throw error;
      }
      asked.find(holding);
      const { ecosystem, name, repository } = holding;
      problems.add({ ecosystem, package: name, repository, tag: '', kind: 'foreign', what: 'manifest', problem: 'unreadable', digest: null, message: error.message });
    }
  });
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
  readonly #readSoFar: () => number;
  #failures = 0;
  #readAtFailure = -1;

  constructor(readSoFar: () => number) {
    this.#readSoFar = readSoFar;
  }

  add(problem: Problem): void {
    this.count += 1;
    if (this.kept.length < MAX_PROBLEMS) {
      this.kept.push(problem);
    }
    if (problem.problem === 'unreadable') {
      this.#failures = this.#readAtFailure === this.#readSoFar() ? this.#failures + 1 : 1;
      this.#readAtFailure = this.#readSoFar();
      if (this.#failures > MAX_FAILURES) {
        throw new ProxyError('storage-unavailable', `Verifying was given up: nothing can be read any more. The last failure: ${problem.message}`);
      }
    }
  }
}

function noTags(): Record<TagKind, number> {
  return { fact: 0, event: 0, deletion: 0, origin: 0, claim: 0, derived: 0, catalogue: 0, foreign: 0, hidden: 0 };
}
