import { LRUCache } from 'lru-cache';

import { type Fold, isStorageAway, type JsonValue, type LedgerReader, type PackageRef } from '@oci-package-proxy/storage';

import type { UpstreamVersions } from '../documents/upstream-provider.ts';
import { printableWarnings } from '../documents/warnings.ts';
import { heldByVersion } from './held-provider.ts';

const STATE_MS = 30_000;
/** Of a state that is not there yet: the worker writes it after the first file. */
const NO_STATE_MS = 1_000;
const MAX_STATES = 2000;

/** What upstream said last of a provider, for as long as it cannot be asked. */
export interface LastState {
  /** Held versions that upstream listed no more. */
  readonly withdrawn: ReadonlySet<string>;
  readonly warnings: readonly string[];
}

/** Held versions that upstream does not list. */
export function withdrawnVersions({ versions }: Pick<UpstreamVersions, 'versions'>, fold: Fold): readonly string[] {
  const listed = new Set(versions.map(({ version }) => version));
  return [...heldByVersion(fold).keys()].filter((version) => !listed.has(version)).sort();
}

/** What is kept of a list: what upstream may change without a new file. Bounded by what is held, and by what a client prints. */
export function stateOfList(list: UpstreamVersions, fold: Fold): JsonValue {
  return { withdrawn: withdrawnVersions(list, fold), warnings: printableWarnings(list.warnings) };
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
  async of(ref: PackageRef, held: Pick<Fold, 'revision'>, signal?: AbortSignal): Promise<LastState> {
    const key = `${ref.repository} ${held.revision}`;
    const known = this.#known.get(key);
    if (known !== undefined) {
      return known;
    }
    try {
      const value = await this.#ledger.upstreamState(ref, { signal });
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
  return { withdrawn: new Set(texts(fields['withdrawn'])), warnings: texts(fields['warnings']) };
}

function texts(value: JsonValue | undefined): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
