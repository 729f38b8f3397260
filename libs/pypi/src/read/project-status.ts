import { ProxyError } from '@oci-package-proxy/errors';
import type { Fold, JsonValue } from '@oci-package-proxy/storage';

import { STATUS_KEY } from '../model/fold-keys.ts';
import type { ProjectStatus, StatusMarker } from '../model/project-page.ts';

const MARKERS: ReadonlySet<string> = new Set<StatusMarker>(['active', 'archived', 'quarantined', 'deprecated']);

/** The status in a value; null where it is none of PEP 792. */
export function statusIn(value: JsonValue | undefined): ProjectStatus | null {
  if (typeof value !== 'object' || value === null || !('status' in value)) {
    return null;
  }
  const { status, reason } = value as Readonly<Record<string, JsonValue>>;
  return typeof status === 'string' && MARKERS.has(status) ? { status: status as StatusMarker, reason: typeof reason === 'string' ? reason : null } : null;
}

/** The status that was set here; null where none was. */
export function ownStatus(fold: Pick<Fold, 'values'>): ProjectStatus | null {
  return statusIn(fold.values.get(STATUS_KEY)?.value);
}

/** Whether none of the files may be offered: PEP 792. */
export function isQuarantined(status: ProjectStatus | null): boolean {
  return status?.status === 'quarantined';
}

/** @throws ProxyError `policy` for a project that is quarantined. */
export function refuseQuarantined(name: string, status: ProjectStatus | null): void {
  if (status !== null && isQuarantined(status)) {
    const why = status.reason === null || status.reason === '' ? '' : ` (${status.reason})`;
    throw new ProxyError('policy', `${name} is quarantined${why}, and none of its files are handed out. Install another project, or ask whoever runs this index.`);
  }
}
