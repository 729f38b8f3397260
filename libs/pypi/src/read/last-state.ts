import { createHash } from 'node:crypto';

import type { JsonValue } from '@oci-package-proxy/storage';

import type { ProjectStatus, UpstreamPage } from '../model/project-page.ts';
import { statusIn } from './project-status.ts';

/** What upstream said last of a project, for as long as it cannot be asked. */
export interface LastState {
  /** Reasons by file name. */
  readonly yanked: ReadonlyMap<string, string>;
  readonly status: ProjectStatus | null;
  /** URLs of provenance documents by file name. */
  readonly provenance: ReadonlyMap<string, string>;
  /** Changes if and only if the state does. */
  readonly revision: string;
}

/** What is kept of a page: what upstream may change without a new file. */
export function stateOfPage({ status, files }: UpstreamPage): JsonValue {
  return {
    yanked: Object.fromEntries(files.flatMap(({ filename, yanked }) => (yanked === null ? [] : [[filename, yanked] as const]))),
    status: status === null ? null : { status: status.status, reason: status.reason },
    provenance: Object.fromEntries(files.flatMap(({ filename, provenanceUrl }) => (provenanceUrl === null ? [] : [[filename, provenanceUrl] as const]))),
  };
}

/** What the worker wrote last of a project's upstream; an empty state of what is none. */
export function lastStateIn(state: JsonValue): LastState {
  const fields = typeof state === 'object' && state !== null && !Array.isArray(state) ? (state as Readonly<Record<string, JsonValue>>) : {};
  return {
    yanked: texts(fields['yanked']),
    status: statusIn(fields['status']),
    provenance: texts(fields['provenance']),
    revision: createHash('sha256').update(JSON.stringify(state)).digest('hex').slice(0, 32),
  };
}

function texts(value: JsonValue | undefined): ReadonlyMap<string, string> {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
