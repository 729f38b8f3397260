import { type ModuleAddress } from '../model/address.ts';
import type { ModuleVersions, ReadCall } from '../read/read-port.ts';
import { isUpstreamFailure } from '../upstream/upstream-failure.ts';
import { PATIENCE_MS, withPatience } from '../upstream/upstream-patience.ts';
import { type AskedModulePlace, heldVersions, isAskedModule, type ModulePlace, type ModulePlaces, shownVersions } from './module-places.ts';
import type { ModuleStates } from './module-states.ts';
import type { UpstreamModules } from './upstream-modules.ts';

/** What {@link ModuleLists} needs. */
export interface ModuleListsOptions {
  readonly places: ModulePlaces;
  readonly modules: Pick<UpstreamModules, 'versions'>;
  readonly states: ModuleStates;
}

/** The versions of modules: our own, or upstream's; while upstream cannot be asked, those that are held. */
export class ModuleLists {
  readonly #options: ModuleListsOptions;

  constructor(options: ModuleListsOptions) {
    this.#options = options;
  }

  /** `ModuleReader.versions` */
  async get(address: ModuleAddress, call: ReadCall = {}): Promise<ModuleVersions | null> {
    const { places } = this.#options;
    const found = await this.#of(await places.of(address, call), call);
    if (found !== null || call.fresh === true) {
      return found;
    }
    // Not found is never said from a list that was cached. What upstream said a moment ago still counts.
    return this.#of(await places.of(address, { ...call, fresh: true }), call);
  }

  async #of(place: ModulePlace, call: ReadCall): Promise<ModuleVersions | null> {
    return isAskedModule(place) ? this.#asked(place, call) : stored(place);
  }

  async #asked(place: AskedModulePlace, call: ReadCall): Promise<ModuleVersions | null> {
    const { modules, states, places } = this.#options;
    const { address, upstream, fold } = place;
    try {
      const list = await withPatience({ ...call, patienceMs: PATIENCE_MS, upstream: upstream.host }, async (patient) => modules.versions({ upstream, address }, patient));
      if (list === null) {
        return null;
      }
      void states.check(place, list.value);
      return { versions: shownVersions(list.value, fold) };
    } catch (error) {
      const held = isUpstreamFailure(error) ? stored(await places.of(address, { ...call, fresh: true })) : null;
      if (held === null) {
        throw error;
      }
      const withdrawn = await states.withdrawn(place.ref, call.signal);
      return { versions: held.versions.filter((version) => !withdrawn.has(version)) };
    }
  }
}

/** What is stored of a module; null when nothing is. */
function stored({ fold }: ModulePlace): ModuleVersions | null {
  const held = heldVersions(fold);
  return held.size === 0 ? null : { versions: shownVersions(held.keys(), fold) };
}
