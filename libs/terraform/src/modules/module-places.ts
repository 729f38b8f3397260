import { versionTag } from '@oci-package-proxy/mapping';
import { type Fact, type Fold, isDeletedIn, type LedgerReader, type PackageRef } from '@oci-package-proxy/storage';

import type { TerraformHosts, TerraformUpstream } from '../config/hosts.ts';
import { type ModuleAddress, moduleRef } from '../model/address.ts';
import { OPENTOFU_TYPES } from '../model/terraform-fact.ts';
import type { ReadCall } from '../read/read-port.ts';
import { isBlocked, yanksIn } from '../read/version-marks.ts';

/** A module, what is stored of it, and who may be asked for the rest. */
export interface ModulePlace {
  readonly address: ModuleAddress;
  readonly ref: PackageRef;
  readonly fold: Fold;
  /** Null: nobody is to be asked. */
  readonly upstream: TerraformUpstream | null;
}

/** A place whose upstream may be asked. */
export type AskedModulePlace = ModulePlace & { readonly upstream: TerraformUpstream };

/** What {@link ModulePlaces} needs. */
export interface ModulePlacesOptions {
  readonly ledger: Pick<LedgerReader, 'fold'>;
  readonly hosts: Pick<TerraformHosts, 'isOwn' | 'isPrivate' | 'upstream'>;
}

/**
 * Decides whether an upstream may be asked for a module: what is under the own host, what was published here, and what is declared
 * private is told to nobody.
 */
export class ModulePlaces {
  readonly #options: ModulePlacesOptions;

  constructor(options: ModulePlacesOptions) {
    this.#options = options;
  }

  /** @param call `fresh`: from a list that is made now. @throws ProxyError as the ledger does. */
  async of(address: ModuleAddress, { fresh = false, signal }: ReadCall = {}): Promise<ModulePlace> {
    const { ledger, hosts } = this.#options;
    const ref = moduleRef(address);
    const fold = await ledger.fold(ref, { fresh, signal });
    const isOurs = fold.origin === 'published' || hosts.isOwn(address.host) || hosts.isPrivate(ref.name);
    return { address, ref, fold, upstream: isOurs ? null : hosts.upstream(address.host) };
  }
}

/** Whether somebody may be asked. */
export function isAskedModule(place: ModulePlace): place is AskedModulePlace {
  return place.upstream !== null;
}

/** Whether a stored fact is a version of a module. */
export function isModuleFact({ artifactType }: Pick<Fact, 'artifactType'>): boolean {
  return artifactType === OPENTOFU_TYPES.module;
}

// Folds are kept and handed out again as long as nothing changes.
const READ = new WeakMap<Fold, ReadonlyMap<string, Fact>>();

/** What is stored of a module, by version. */
export function heldVersions(fold: Fold): ReadonlyMap<string, Fact> {
  const known = READ.get(fold);
  if (known !== undefined) {
    return known;
  }
  const held = new Map([...fold.facts.values()].filter(isModuleFact).map((fact) => [fact.version, fact]));
  READ.set(fold, held);
  return held;
}

/** Whether a version was taken out here: one that was deleted does not come back from upstream. */
export function isTakenOut(fold: Fold, version: string): boolean {
  // Few packages have lost anything: no tag is computed for nothing.
  return isBlocked(fold, version) || (fold.deletedTags.size > 0 && isDeletedIn(fold, versionTag(version)));
}

/** Versions without those that were yanked or taken out here. */
export function shownVersions(versions: Iterable<string>, fold: Fold): readonly string[] {
  const yanked = yanksIn(fold);
  return [...versions].filter((version) => !yanked.has(version) && !isTakenOut(fold, version));
}
