import { ProxyError } from '@oci-package-proxy/errors';

import { yankKey } from '../model/terraform-fact.ts';
import { yanksIn } from '../read/version-marks.ts';
import { checkReason, checkVersion, type ManageCall, type ManageLedger } from './manage-call.ts';
import type { ManagedPackage } from './managed-package.ts';
import type { PackagePlace, PackagePlaces } from './package-places.ts';

/** How a yank ended. */
export interface YankResult {
  /** Address of the package. */
  readonly name: string;
  readonly version: string;
  /** The reason, empty for none; null: not yanked any more. */
  readonly yanked: string | null;
  /** False: it was so already, and nothing was written. */
  readonly changed: boolean;
}

/**
 * Yanks what is published here and what is pulled through alike: a yanked version is listed no more, and still served to whoever names
 * it exactly.
 */
export class Yanks {
  readonly #ledger: Pick<ManageLedger, 'record'>;
  readonly #places: Pick<PackagePlaces, 'read'>;

  constructor({ ledger, places }: { readonly ledger: Pick<ManageLedger, 'record'>; readonly places: Pick<PackagePlaces, 'read'> }) {
    this.#ledger = ledger;
    this.#places = places;
  }

  /**
   * Yanks a version; one that only upstream can know is taken as it is while that cannot be asked.
   * @param how `reason`: empty for none.
   * @throws ProxyError `invalid` for what is no version, or a reason that cannot be shown; `not-found`.
   */
  async yank(managed: ManagedPackage, version: string, how: ManageCall & { readonly reason: string }): Promise<YankResult> {
    return this.#set(managed, checkVersion(version), { ...how, value: checkReason(how.reason) });
  }

  /** Takes a yank back. @throws ProxyError as {@link yank}. */
  async unyank(managed: ManagedPackage, version: string, call: ManageCall): Promise<YankResult> {
    return this.#set(managed, checkVersion(version), { ...call, value: null });
  }

  async #set(managed: ManagedPackage, version: string, { value, by, signal }: ManageCall & { readonly value: string | null }): Promise<YankResult> {
    const place = await this.#places.read(managed, { signal });
    const before = yanksIn(place.fold).get(version) ?? null;
    if (before === null && !mayHave(place, version)) {
      throw new ProxyError('not-found', `${place.name} has no version ${version}${place.upstream === null ? '' : `, neither here nor at ${place.upstream}`}.`);
    }
    if (before !== value) {
      await this.#ledger.record(place.ref, [{ key: yankKey(version), value }], { by, signal });
    }
    return { name: place.name, version, yanked: value, changed: before !== value };
  }
}

/** Whether a package has a version, or may have it as far as anybody can say now. */
export function mayHave({ stored, listed, failure }: PackagePlace, version: string): boolean {
  return stored.has(version) || listed.has(version) || failure !== null;
}
