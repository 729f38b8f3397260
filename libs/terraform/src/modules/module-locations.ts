import { versionTag } from '@oci-package-proxy/mapping';
import { type Fact, isStorageAway, type LedgerReader } from '@oci-package-proxy/storage';

import type { TerraformHosts } from '../config/hosts.ts';
import { type ModuleAddress, moduleText } from '../model/address.ts';
import type { ReadCall } from '../read/read-port.ts';
import { PATIENCE_MS, withPatience } from '../upstream/upstream-patience.ts';
import { archiveLocation } from './archive-location.ts';
import { type AskedModulePlace, isAskedModule, isModuleFact, isTakenOut, type ModulePlace, type ModulePlaces } from './module-places.ts';
import type { PulledModule } from './pulled-modules.ts';
import type { UpstreamModules } from './upstream-modules.ts';

/** A version that is stored here. */
export interface StoredModule {
  readonly kind: 'stored';
  readonly place: ModulePlace;
  readonly fact: Fact;
}

/** A version that upstream has, and nobody here. */
export interface ListedModule {
  readonly kind: 'listed';
  readonly module: PulledModule;
}

/** What {@link ModuleLocations} needs. */
export interface ModuleLocationsOptions {
  readonly ledger: Pick<LedgerReader, 'fact'>;
  readonly hosts: Pick<TerraformHosts, 'forge'>;
  readonly places: ModulePlaces;
  readonly modules: Pick<UpstreamModules, 'source'>;
}

/** Finds versions of modules: what is stored is found by its computed tag, without any list, and is served for ever. */
export class ModuleLocations {
  readonly #options: ModuleLocationsOptions;

  constructor(options: ModuleLocationsOptions) {
    this.#options = options;
  }

  /**
   * Where a version is; null when there is none, and whoever would know was asked.
   * @throws ProxyError as the ledger does; `unsupported` or `policy` for what cannot be fetched from where upstream has it;
   * `upstream-unavailable` and its likes.
   */
  async find(address: ModuleAddress, version: string, call: ReadCall = {}): Promise<StoredModule | ListedModule | null> {
    const place = await this.#place(address, version, call);
    const fact = await this.#fact(place, version, call);
    if (fact !== null) {
      return { kind: 'stored', place, fact };
    }
    const module = isAskedModule(place) && !isTakenOut(place.fold, version) ? await this.atUpstream(place, version, call) : null;
    return module === null ? null : { kind: 'listed', module };
  }

  /** What is stored of a version; null: nothing, or it was taken out. @throws ProxyError as the ledger does. */
  async stored(address: ModuleAddress, version: string, call: ReadCall = {}): Promise<Fact | null> {
    return this.#fact(await this.#place(address, version, call), version, call);
  }

  /** Where upstream has a version, stored here or not; null when it has none. @throws ProxyError as {@link find}. */
  async atUpstream({ address, upstream }: AskedModulePlace, version: string, call: ReadCall = {}): Promise<PulledModule | null> {
    const text = await withPatience({ ...call, patienceMs: PATIENCE_MS, upstream: upstream.host }, async (patient) => this.#options.modules.source({ upstream, address }, version, patient));
    if (text === null) {
      return null;
    }
    const location = archiveLocation(text, { hosts: this.#options.hosts, upstream, subject: `${moduleText(address)} ${version}` });
    return { upstream, address, version, location };
  }

  async #fact({ ref, fold }: ModulePlace, version: string, { signal }: ReadCall): Promise<Fact | null> {
    try {
      const fact = isTakenOut(fold, version) ? null : await this.#options.ledger.fact(ref, versionTag(version), { signal });
      return fact !== null && isModuleFact(fact) ? fact : null;
    } catch (error) {
      // While storage cannot be asked, upstream and the spool serve what is upstream's by a list that is still alive.
      if (!isStorageAway(error) || fold.origin !== 'upstream' || fold.asOf !== undefined) {
        throw error;
      }
      return null;
    }
  }

  /** That a version was taken out, which can be undone, is never said from a list that was cached. */
  async #place(address: ModuleAddress, version: string, call: ReadCall): Promise<ModulePlace> {
    const { places } = this.#options;
    const place = await places.of(address, call);
    return call.fresh !== true && isTakenOut(place.fold, version) ? places.of(address, { ...call, fresh: true }) : place;
  }
}
