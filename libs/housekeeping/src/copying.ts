import type { Registry } from '@oci-package-proxy/oci';
import { Catalogue } from '@oci-package-proxy/storage';

import { AskedNames } from './asked-names.ts';
import { type Holding, type PackageLocator, refOf } from './holding.ts';
import { inParallel } from './in-parallel.ts';
import { bytesText, countText, Progress } from './progress.ts';
import { ReadFailures } from './read-failures.ts';
import { tagsOf } from './repository-check.ts';
import { copyRepository, type CopyCounts, type CopyProblem } from './repository-copy.ts';
import { holdingsIn, type NamedPackage, type Scope } from './scope.ts';
import { isUnread, type ReadCount, SourceRepository, unread } from './source-repository.ts';

const REPOSITORIES_AT_ONCE = 4;
/** Kept for the report; all are counted. */
const MAX_PROBLEMS = 10_000;

/** What is copied, from where to where. */
export interface Copying {
  readonly source: Registry;
  readonly target: Registry;
  readonly locator: PackageLocator;
  readonly scope: Scope;
  /** Whether nobody else writes the target meanwhile: on stores without create-only tags that saves the decide rounds. */
  readonly exclusive: boolean;
  /** Whether also what is there already is looked through, and copied again where something of it is missing. Default false. */
  readonly mend?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Hears how far it is. */
  readonly progress?: (line: string) => void;
}

/** What copying came to. */
export interface CopyReport extends Readonly<CopyCounts> {
  /** How many there are; `problems` holds at most 10 000 of them. */
  readonly problemCount: number;
  readonly problems: readonly CopyProblem[];
  /** Packages that were asked for by name and of which the source holds nothing. */
  readonly absent: readonly NamedPackage[];
}

/**
 * Copies repositories from one store to another: what is there already is passed over, and so it can be stopped at any moment and
 * run again. Every byte is verified when it is read and when it is written.
 * @throws ProxyError what the stores throw when they cannot be asked; what was copied until then stays. Single things that the source
 * cannot show are problems, until nothing can be read there any more.
 */
export async function copy(copying: Copying): Promise<CopyReport> {
  const { source, target, locator, scope, exclusive, mend = false, signal } = copying;
  const counts: CopyCounts = { repositories: 0, copied: 0, present: 0, hidden: 0, children: 0, blobs: 0, bytes: 0, mounted: 0 };
  const problems: CopyProblem[] = [];
  let problemCount = 0;
  const onProblem = (problem: CopyProblem): void => {
    problemCount += 1;
    problems.push(...(problems.length < MAX_PROBLEMS ? [problem] : []));
  };
  const reads: ReadCount = { count: 0 };
  const failures = new ReadFailures('Copying was given up: nothing can be read any more in the store that is copied from', () => reads.count);
  const progress = new Progress(copying.progress);
  const catalogue = new Catalogue(target, false);
  const asked = new AskedNames();
  await inParallel(holdingsIn({ registry: source, locator, signal }, scope, { asked }), REPOSITORIES_AT_ONCE, async (holding) => {
    const { kind, ecosystem, name, repository } = holding;
    const onStep = (): void => progress.step(() => `${repository}: ${copyText(counts)}, ${countText(problemCount, 'problem')}`);
    const from = new SourceRepository(source.repository(repository), reads);
    try {
      const sourceTags = await tagsOf(from, signal);
      // A catalogue is made again, name by name, before what it lists.
      if (sourceTags.size === 0 || kind === 'catalogue') {
        return;
      }
      asked.find(holding);
      await list(copying, catalogue, holding);
      await copyRepository({ holding, source: from, target: target.repository(repository), sourceTags, exclusive, mend, counts, failures, signal, onProblem, onStep });
    } catch (error) {
      if (!isUnread(error)) {
        throw error;
      }
      asked.find(holding);
      onProblem({ ecosystem, package: name, repository, tag: '', problem: 'failed', message: error.message });
      failures.add(error.message);
    }
  });
  return { ...counts, problemCount, problems, absent: asked.absent };
}

/** `12 repositories, 340 tags copied, 12 there already, 80 blobs (1.2 GiB)`. */
export function copyText({ repositories, copied, present, hidden, blobs, bytes, mounted }: Readonly<CopyCounts>): string {
  const without = mounted === 0 ? '' : `, ${mounted} without being sent`;
  const deleted = hidden === 0 ? '' : `, ${hidden} left out as deleted, or as made of what is not there`;
  return `${repositories} ${repositories === 1 ? 'repository' : 'repositories'}, ${countText(copied, 'tag')} copied, ${present} there already${deleted}, ${countText(blobs, 'blob')} (${bytesText(bytes)})${without}`;
}

/** Before the first tag: a package must never be there and be in no list. */
async function list(copying: Copying, catalogue: Catalogue, holding: Holding): Promise<void> {
  const { source, locator, signal } = copying;
  const known = await refOf({ registry: source, locator, signal }, holding).catch((error: unknown) => {
    throw unread(error);
  });
  if (known !== null) {
    await catalogue.add(known, { signal });
  }
}
