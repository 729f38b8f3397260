import type { IngestQueue } from '@oci-package-proxy/ingest';
import { LastStates, type LedgerPort, type PackageRef } from '@oci-package-proxy/storage';
import type { Downloads } from '@oci-package-proxy/upstream';

import type { PypiIndex, PypiIndexes } from '../config/indexes.ts';
import type { PublishTargets } from '../publish/publish-port.ts';
import { CatalogueNames } from './catalogue-names.ts';
import { CoreMetadataSource } from './core-metadata-source.ts';
import { FileLocations } from './file-locations.ts';
import { lastStateIn } from './last-state.ts';
import { OutdatedStates } from './outdated-states.ts';
import { ProjectFiles } from './project-files.ts';
import { type AlarmLogger, ProjectPages } from './project-pages.ts';
import { ProjectViews } from './project-view.ts';
import { Provenances } from './provenances.ts';
import { PublishTargetChoice } from './publish-target-choice.ts';
import { PulledFiles, type PulledFilesOptions } from './pulled-files.ts';
import type { ProjectReader, ReadCall, RevisedPage, ServedBytes, ServedFile } from './read-port.ts';
import { UpstreamPages } from './upstream-pages.ts';

/** What {@link PypiProjects} needs. */
export interface PypiProjectsOptions {
  readonly ledger: Pick<LedgerPort, 'fold' | 'fact' | 'open' | 'origin' | 'upstreamState' | 'packages' | 'decideOrigin'>;
  readonly indexes: PypiIndexes;
  readonly downloads: Downloads;
  readonly queue: IngestQueue;
  /** This process, for whoever is to take a file from its spool. */
  readonly holderId: string;
  readonly logger: AlarmLogger & PulledFilesOptions['logger'];
  /** Told of every job that was to be handed in. Must not throw. */
  readonly onEnqueued?: (outcome: 'queued' | 'failed') => void;
}

/** Everything that is read of Python projects, put together. */
export class PypiProjects implements ProjectReader, PublishTargets {
  readonly #pages: ProjectPages;
  readonly #files: ProjectFiles;
  readonly #metadata: CoreMetadataSource;
  readonly #provenances: Provenances;
  readonly #names: CatalogueNames;
  readonly #targets: PublishTargetChoice;

  constructor({ ledger, indexes, downloads, queue, holderId, logger, onEnqueued }: PypiProjectsOptions) {
    const views = new ProjectViews({ ledger, indexes });
    const upstreamPages = new UpstreamPages();
    const states = new LastStates(ledger, lastStateIn);
    const locations = new FileLocations({ ledger, views, upstreamPages, states });
    const pulled = new PulledFiles({ downloads, queue, holderId, logger, onEnqueued });
    this.#pages = new ProjectPages({ ledger, views, upstreamPages, states, outdated: new OutdatedStates({ states, pulled, logger }), logger });
    this.#files = new ProjectFiles({ ledger, locations, upstreamPages, pulled });
    this.#metadata = new CoreMetadataSource({ ledger, locations, upstreamPages, pulled });
    this.#provenances = new Provenances({ ledger, locations, upstreamPages, states });
    this.#names = new CatalogueNames({ ledger, indexes });
    this.#targets = new PublishTargetChoice({ ledger, indexes, upstreamPages });
  }

  async page(index: PypiIndex, name: string, call?: ReadCall): Promise<RevisedPage | null> {
    return this.#pages.get(index, name, call);
  }

  async file(index: PypiIndex, name: string, filename: string, call?: ReadCall): Promise<ServedFile | null> {
    return this.#files.find(index, name, filename, call);
  }

  async metadata(index: PypiIndex, name: string, filename: string, call?: ReadCall): Promise<ServedBytes | null> {
    return this.#metadata.metadata(index, name, filename, call);
  }

  async description(index: PypiIndex, name: string, filename: string, call?: ReadCall): Promise<Buffer | null> {
    return this.#metadata.description(index, name, filename, call);
  }

  async provenance(index: PypiIndex, name: string, filename: string, call?: ReadCall): Promise<ServedBytes | null> {
    return this.#provenances.get(index, name, filename, call);
  }

  names(index: PypiIndex, call?: ReadCall): AsyncIterable<string> {
    return this.#names.in(index, call);
  }

  async targetOf(index: PypiIndex, name: string, signal?: AbortSignal): Promise<PackageRef> {
    return this.#targets.targetOf(index, name, signal);
  }
}
