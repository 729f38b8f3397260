import type { Registry } from '@oci-package-proxy/oci';
import { Catalogue } from '@oci-package-proxy/storage';

import { AskedNames } from './asked-names.ts';
import { type Holding, identify, type PackageLocator } from './holding.ts';
import { inParallel } from './in-parallel.ts';
import { bytesText, countText, Progress } from './progress.ts';
import { tagsOf } from './repository-check.ts';
import { copyRepository, type CopyCounts, type CopyProblem } from './repository-copy.ts';
import { holdingsIn, type NamedPackage, type Scope } from './scope.ts';

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
 * @throws ProxyError what the stores throw when they cannot be asked; what was copied until then stays.
 */
export async function copy(copying: Copying): Promise<CopyReport> {
  const { source, target, locator, scope, exclusive, mend = false, signal } = copying;
  const counts: CopyCounts = { repositories: 0, copied: 0, present: 0, hidden: 0, children: 0, blobs: 0, bytes: 0, mounted: 0 };
  const problems: CopyProblem[] = [];
  let problemCount = 0;
  const progress = new Progress(copying.progress);
  const catalogue = new Catalogue(target, false);
  const asked = new AskedNames();
  await inParallel(holdingsIn({ registry: source, locator, signal }, scope, asked), REPOSITORIES_AT_ONCE, async (holding) => {
    const from = source.repository(holding.repository);
    const sourceTags = await tagsOf(from, signal);
    // A catalogue is made again, name by name, before what it lists.
    if (sourceTags.size === 0 || holding.kind === 'catalogue') {
      return;
    }
    asked.find(holding);
    await list(copying, catalogue, holding);
    await copyRepository({
      holding,
      source: from,
      target: target.repository(holding.repository),
      sourceTags,
      exclusive,
      mend,
      counts,
      signal,
      onProblem: (problem) => {
        problemCount += 1;
        problems.push(...(problems.length < MAX_PROBLEMS ? [problem] : []));
      },
      onStep: () => progress.step(() => `${holding.repository}: ${copyText(counts)}, ${countText(problemCount, 'problem')}`),
    });
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
async function list({ source, locator, signal }: Copying, catalogue: Catalogue, { kind, ecosystem, name, repository }: Holding): Promise<void> {
  const known = kind === 'package' && ecosystem !== null && name !== null ? { ecosystem, name } : await identify(source, locator, { repository, signal });
  if (known !== null) {
    await catalogue.add(known, { signal });
  }
}
