import { LRUCache } from 'lru-cache';

import type { Fold } from './fold.ts';
import type { LedgerReader } from './ledger-port.ts';
import { isStorageAway } from './outage.ts';
import type { JsonValue, PackageRef } from './package-ref.ts';

const STATE_MS = 30_000;
/** Of a state that is not there yet: the worker writes it after the first file. */
const NO_STATE_MS = 1_000;
const MAX_STATES = 2000;

/** The last states of upstreams that the worker wrote, as an ecosystem reads them, kept for a moment; while storage is away, for longer. */
export class LastStates<S extends object> {
  readonly #ledger: Pick<LedgerReader, 'upstreamState'>;
  readonly #decode: (state: JsonValue) => S;
  readonly #known = new LRUCache<string, S>({ max: MAX_STATES, ttl: STATE_MS, noDeleteOnStaleGet: true });

  /** @param decode makes an empty state of what is none. */
  constructor(ledger: Pick<LedgerReader, 'upstreamState'>, decode: (state: JsonValue) => S) {
    this.#ledger = ledger;
    this.#decode = decode;
  }

  /**
   * The last state that belongs to what is held; an empty one where there is none.
   * @param held what is held now: a new file comes with a new state.
   * @throws ProxyError as the ledger does.
   */
  async of(ref: PackageRef, held: Pick<Fold, 'revision'>, signal?: AbortSignal): Promise<S> {
    const key = `${ref.repository} ${held.revision}`;
    const known = this.#known.get(key);
    if (known !== undefined) {
      return known;
    }
    try {
      const value = await this.#ledger.upstreamState(ref, { signal });
      const state = this.#decode(value);
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
