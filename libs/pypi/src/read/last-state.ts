import { createHash } from 'node:crypto';

import { LRUCache } from 'lru-cache';

import { type Fold, isStorageAway, type JsonValue, type LedgerReader, type PackageRef } from '@oci-package-proxy/storage';

import type { ProjectStatus, UpstreamPage } from '../model/project-page.ts';
import { statusIn } from './project-status.ts';

const STATE_MS = 30_000;
/** Of a state that is not there yet: the worker writes it after the first file. */
const NO_STATE_MS = 1_000;
const MAX_STATES = 2000;

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

/** The last states of upstreams that the worker wrote, kept for a moment. */
export class LastStates {
  readonly #ledger: Pick<LedgerReader, 'upstreamState'>;
  readonly #known = new LRUCache<string, LastState>({ max: MAX_STATES, ttl: STATE_MS, noDeleteOnStaleGet: true });

  constructor(ledger: Pick<LedgerReader, 'upstreamState'>) {
    this.#ledger = ledger;
  }

  /**
   * The last state that belongs to what is held; an empty one where there is none.
   * @param held what is held now: a new file comes with a new state.
   * @throws ProxyError as the ledger does.
   */
  async of({ repository, ...ref }: PackageRef, held: Pick<Fold, 'revision'>, signal?: AbortSignal): Promise<LastState> {
    const key = `${repository} ${held.revision}`;
    const known = this.#known.get(key);
    if (known !== undefined) {
      return known;
    }
    try {
      const value = await this.#ledger.upstreamState({ repository, ...ref }, { signal });
      const state = decode(value);
      this.#known.set(key, state, { ttl: value === null ? NO_STATE_MS : STATE_MS });
      return state;
    } catch (error) {
      const old = isStorageAway(error) ? this.#known.get(key, { allowStale: true }) : undefined;
      if (old === undefined) {
        throw error;
      }
      return old;
    }
  }
}

function decode(state: JsonValue): LastState {
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
