import { LRUCache } from 'lru-cache';

import { type Fold, isStorageAway, type JsonValue, type LedgerReader, type PackageRef } from '@oci-package-proxy/storage';

import { moduleDocumentOf } from '../model/terraform-fact.ts';
import type { AskedModulePlace } from './module-places.ts';
import { heldVersions } from './module-places.ts';
import type { PulledModules } from './pulled-modules.ts';

/** A last state that was looked at so recently (ms) is not looked at again. */
const LOOKED_AT_MS = 10 * 60_000;
const MAX_LOOKED_AT = 5_000;

/** What {@link ModuleStates} needs. */
export interface ModuleStatesOptions {
  readonly ledger: Pick<LedgerReader, 'upstreamState'>;
  readonly pulled: Pick<PulledModules, 'handInStored'>;
  readonly logger: { warn(fields: Readonly<Record<string, unknown>>, message: string): void };
}

/** What is kept of a list of upstream's: the held versions that it has no more. Bounded by what is held. */
export function stateOfList(listed: Iterable<string>, fold: Fold): JsonValue {
  return { withdrawn: withdrawnVersions(listed, fold) };
}

/**
 * What upstream said last of modules, for as long as it cannot be asked: a version that it took back after it was stored would else be
 * handed out as the newest one. The worker writes the state with any job of the module.
 */
export class ModuleStates {
  readonly #options: ModuleStatesOptions;
  readonly #last = new LRUCache<string, { readonly state: JsonValue | null }>({ max: MAX_LOOKED_AT });
  readonly #lookedAt = new LRUCache<string, true>({ max: MAX_LOOKED_AT, ttl: LOOKED_AT_MS });

  constructor(options: ModuleStatesOptions) {
    this.#options = options;
  }

  /** Held versions that upstream listed no more when it was last asked. @throws ProxyError as the ledger does. */
  async withdrawn(ref: PackageRef, signal?: AbortSignal): Promise<ReadonlySet<string>> {
    const state = await this.#state(ref, signal);
    const fields = typeof state === 'object' && state !== null && !Array.isArray(state) ? (state as Readonly<Record<string, JsonValue>>) : {};
    const versions = fields['withdrawn'];
    return new Set(Array.isArray(versions) ? versions.filter((item) => typeof item === 'string') : []);
  }

  /** While storage cannot be asked, what it said last. */
  async #state(ref: PackageRef, signal: AbortSignal | undefined): Promise<JsonValue | null> {
    try {
      const state = await this.#options.ledger.upstreamState(ref, { signal });
      this.#last.set(ref.repository, { state });
      return state;
    } catch (error) {
      const last = isStorageAway(error) ? this.#last.get(ref.repository) : undefined;
      if (last === undefined) {
        throw error;
      }
      return last.state;
    }
  }

  /** Hands in a job where the last state lacks something. Never throws; nobody needs to wait for it. */
  async check({ ref, fold }: AskedModulePlace, listed: Iterable<string>): Promise<void> {
    const withdrawn = withdrawnVersions(listed, fold);
    const fact = heldVersions(fold).get(withdrawn[0] ?? '');
    const key = `${ref.repository} ${withdrawn.join(' ')}`;
    if (fact === undefined || this.#lookedAt.has(key)) {
      return;
    }
    this.#lookedAt.set(key, true);
    try {
      const known = await this.withdrawn(ref);
      if (!withdrawn.every((version) => known.has(version))) {
        await this.#options.pulled.handInStored({ package: ref.name, version: fact.version, sha256: moduleDocumentOf(fact).sha256 });
      }
    } catch (err) {
      this.#options.logger.warn({ package: ref.name, err }, 'whether the last state of upstream is outdated could not be seen');
    }
  }
}

function withdrawnVersions(listed: Iterable<string>, fold: Fold): readonly string[] {
  const versions = new Set(listed);
  return [...heldVersions(fold).keys()].filter((version) => !versions.has(version)).sort();
}
