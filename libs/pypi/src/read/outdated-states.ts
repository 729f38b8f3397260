import type { Fact, Fold, LastStates, PackageRef } from '@oci-package-proxy/storage';

import type { PypiUpstream } from '../config/indexes.ts';
import type { ProjectStatus, UpstreamFile } from '../model/project-page.ts';
import { fileDocumentOf } from '../model/pypi-fact.ts';
import { storedHashes } from './held-file.ts';
import type { LastState } from './last-state.ts';
import type { PulledFiles } from './pulled-files.ts';
import { isPinned } from './upstream-overlay.ts';
import type { ReadPage } from './upstream-pages.ts';

/** What {@link OutdatedStates} needs. */
export interface OutdatedStatesOptions {
  readonly states: LastStates<LastState>;
  readonly pulled: Pick<PulledFiles, 'handInStored'>;
  readonly logger: { warn(fields: Readonly<Record<string, unknown>>, message: string): void };
}

/** What upstream says of a project, and what is held of it. */
export interface SaidProject {
  readonly name: string;
  readonly upstream: PypiUpstream;
  readonly ref: PackageRef;
  readonly known: ReadPage;
  readonly fold: Fold;
}

interface HeldFile {
  readonly fact: Fact;
  readonly filename: string;
  /** Null: not listed any more. */
  readonly entry: UpstreamFile | null;
}

/**
 * Sees that the last state of an upstream has what it warned of after the files were stored: a yank (PEP 592) or a status (PEP 792) that
 * was forgotten with upstream away would hand out what nobody is to have. The worker writes the state with any job of the project.
 */
export class OutdatedStates {
  readonly #options: OutdatedStatesOptions;

  constructor(options: OutdatedStatesOptions) {
    this.#options = options;
  }

  /** Hands in a job where the last state lacks a warning. Never throws; nobody needs to wait for it. */
  async check(project: SaidProject): Promise<void> {
    const { states, pulled, logger } = this.#options;
    const { name, upstream, ref, known, fold } = project;
    const files = heldFiles(project);
    const warnings = files.flatMap(({ entry }) => (entry === null || entry.yanked === null ? [] : [entry]));
    const file = files.find(({ fact, entry }) => entry !== null && !isPinned(fact, entry)) ?? files.find(({ entry }) => entry === null);
    if (file === undefined || (warnings.length === 0 && !isWarning(known.page.status))) {
      return;
    }
    try {
      if (!hasWarnings(await states.of(ref, fold), known.page.status, warnings)) {
        const { filename, fact, entry } = file;
        await pulled.handInStored({ upstream, name, filename, hashes: entry?.hashes ?? {}, sha256: storedHashes(fact, fileDocumentOf(fact))['sha256'] ?? '' });
      }
    } catch (err) {
      logger.warn({ package: name, upstream: upstream.id, err }, 'whether the last state of upstream is outdated could not be seen');
    }
  }
}

function heldFiles({ known, fold }: SaidProject): readonly HeldFile[] {
  return [...fold.facts.values()].map((fact) => {
    const { filename } = fileDocumentOf(fact);
    return { fact, filename, entry: known.files.get(filename) ?? null };
  });
}

function isWarning(status: ProjectStatus | null): boolean {
  return status !== null && status.status !== 'active';
}

function hasWarnings(said: LastState, status: ProjectStatus | null, warnings: readonly UpstreamFile[]): boolean {
  const isSame = !isWarning(status) || (said.status?.status === status?.status && said.status?.reason === status?.reason);
  return isSame && warnings.every(({ filename, yanked }) => said.yanked.get(filename) === yanked);
}
