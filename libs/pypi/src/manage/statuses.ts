import { ProxyError } from '@oci-package-proxy/errors';
import { EMPTY_FOLD } from '@oci-package-proxy/storage';

import { STATUS_KEY } from '../model/fold-keys.ts';
import type { ProjectStatus, StatusMarker } from '../model/project-page.ts';
import { ownStatus } from '../read/project-status.ts';
import { checkReason, type ManageCall, type ManageLedger } from './manage-call.ts';
import type { Place, ProjectPlaces } from './project-places.ts';

/** Every status of PEP 792. */
export const STATUS_MARKERS = ['active', 'archived', 'quarantined', 'deprecated'] as const satisfies readonly StatusMarker[];

/** How a change of the status ended. */
export interface StatusResult extends ProjectStatus {
  /** Normalized. */
  readonly name: string;
  /** False: it was so already, and nothing was written. */
  readonly changed: boolean;
}

/** The status of whole projects, PEP 792: what is said here goes before what upstream says. */
export class Statuses {
  readonly #ledger: Pick<ManageLedger, 'record'>;
  readonly #places: Pick<ProjectPlaces, 'read'>;

  constructor({ ledger, places }: { readonly ledger: Pick<ManageLedger, 'record'>; readonly places: Pick<ProjectPlaces, 'read'> }) {
    this.#ledger = ledger;
    this.#places = places;
  }

  /** The status of a project. @param name normalized. @throws ProxyError `not-found`; `upstream-unavailable` and its likes when only upstream could tell. */
  async get(name: string, call: { readonly signal?: AbortSignal | undefined } = {}): Promise<ProjectStatus> {
    const places = await this.#places.read(name, call);
    checkProject(name, places);
    return statusOf(places) ?? { status: 'active', reason: null };
  }

  /**
   * Sets the status of a project, in every place that it can have: whatever is stored or listed there later is under it too.
   * @param name normalized.
   * @throws ProxyError `invalid` for a reason that cannot be shown; else as {@link get}.
   */
  async set(name: string, { status, reason }: ProjectStatus, { by, signal }: ManageCall): Promise<StatusResult> {
    const value = { status, reason: reason === null || reason === '' ? null : checkReason(reason) };
    const places = await this.#places.read(name, { signal, fresh: true });
    checkProject(name, places);
    const outdated = places.filter(({ fold }) => !isSame(ownStatus(fold), value));
    for (const { ref } of outdated) {
      await this.#ledger.record(ref, [{ key: STATUS_KEY, value }], { by, signal });
    }
    return { name, ...value, changed: outdated.length > 0 };
  }
}

/** The status that a project has: as it was set here, else as upstream tells it; null: nobody says any, which means active. */
export function statusOf(places: readonly Place[]): ProjectStatus | null {
  const own = places.map(({ fold }) => ownStatus(fold)).find((status) => status !== null);
  return own ?? places.find(({ upstreamStatus }) => upstreamStatus !== null)?.upstreamStatus ?? null;
}

/** Whether a text is a status of PEP 792. */
export function isStatusMarker(text: unknown): text is StatusMarker {
  return STATUS_MARKERS.some((marker) => marker === text);
}

/** @throws ProxyError `not-found` for a project that is nowhere; upstream's failure where only upstream could tell. */
export function checkProject(name: string, places: readonly Place[]): void {
  if (places.some((place) => place.listed || place.files.size > 0 || place.fold.revision !== EMPTY_FOLD.revision)) {
    return;
  }
  throw places.find(({ failure }) => failure !== null)?.failure ?? new ProxyError('not-found', `There is no project ${name}, neither here nor at any upstream.`);
}

function isSame(left: ProjectStatus | null, right: ProjectStatus): boolean {
  return left !== null && left.status === right.status && left.reason === right.reason;
}
