import type { IngestCodec, IngestQueue } from '@oci-package-proxy/ingest';
import type { LedgerPort } from '@oci-package-proxy/storage';
import type { Downloads } from '@oci-package-proxy/upstream';

import type { PypiIndexes } from './config/indexes.ts';
import { pypiIngestCodec } from './ingest/pypi-ingest-codec.ts';
import { createManagement, type Management } from './manage/management.ts';
import type { Uploads } from './publish/publish-port.ts';
import { PypiUploads } from './publish/pypi-uploads.ts';
import { PypiProjects } from './read/pypi-projects.ts';
import type { ProjectReader } from './read/read-port.ts';

/** What PyPI logs with; pino's loggers are of this shape. */
export interface PypiLogger {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** What {@link createPypiParts} puts together. */
export interface PartsOptions {
  readonly ledger: LedgerPort;
  readonly indexes: PypiIndexes;
  readonly downloads: Downloads;
  readonly queue: IngestQueue;
  /** This process's id among the holders of files. */
  readonly holderId: string;
  /** An existing directory for the files of running uploads; null: publishing is switched off. */
  readonly uploadDirectory: string | null;
  /** Bytes. */
  readonly limits: { readonly publishBytes: number };
  readonly logger: PypiLogger;
  /** Told whether a job could be handed in, for metrics. Must not throw. */
  readonly onEnqueued?: (outcome: 'queued' | 'failed') => void;
}

/** The use cases of PyPI. */
export interface PypiParts {
  readonly indexes: PypiIndexes;
  readonly reader: ProjectReader;
  /** Null: publishing is switched off. */
  readonly uploads: Uploads | null;
  readonly management: Management;
  readonly codec: IngestCodec;
}

/** Puts the use cases together. */
export function createPypiParts(options: PartsOptions): PypiParts {
  const { ledger, indexes, uploadDirectory, limits, logger } = options;
  const projects = new PypiProjects(options);
  return {
    indexes,
    reader: projects,
    uploads: uploadDirectory === null ? null : new PypiUploads({ ledger, targets: projects, directory: uploadDirectory, limits, logger }),
    management: createManagement({ ledger, indexes }),
    codec: pypiIngestCodec({ indexes, ledger }),
  };
}
