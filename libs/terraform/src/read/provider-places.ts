import type { Fold, LedgerReader, PackageRef } from '@oci-package-proxy/storage';

import type { TerraformHosts, TerraformUpstream } from '../config/hosts.ts';
import { type ProviderAddress, providerRef } from '../model/address.ts';
import type { ReadCall } from './read-port.ts';

/** A provider, what is stored of it, and who may be asked for the rest. */
export interface ProviderPlace {
  readonly address: ProviderAddress;
  readonly ref: PackageRef;
  readonly fold: Fold;
  /** Null: nobody is to be asked. */
  readonly upstream: TerraformUpstream | null;
}

/** A place whose upstream may be asked. */
export type AskedPlace = ProviderPlace & { readonly upstream: TerraformUpstream };

/** What {@link ProviderPlaces} needs. */
export interface ProviderPlacesOptions {
  readonly ledger: Pick<LedgerReader, 'fold'>;
  readonly hosts: Pick<TerraformHosts, 'isOwn' | 'isPrivate' | 'upstream'>;
}

/**
 * Decides whether an upstream may be asked for a provider: what is under the own host, what was published here, and what is declared
 * private is told to nobody.
 */
export class ProviderPlaces {
  readonly #options: ProviderPlacesOptions;

  constructor(options: ProviderPlacesOptions) {
    this.#options = options;
  }

  /** @param call `fresh`: from a list that is made now. @throws ProxyError as the ledger does. */
  async of(address: ProviderAddress, { fresh = false, signal }: ReadCall = {}): Promise<ProviderPlace> {
    const { ledger, hosts } = this.#options;
    const ref = providerRef(address);
    const fold = await ledger.fold(ref, { fresh, signal });
    const isOurs = fold.origin === 'published' || hosts.isOwn(address.host) || hosts.isPrivate(ref.name);
    return { address, ref, fold, upstream: isOurs ? null : hosts.upstream(address.host) };
  }
}

/** Whether somebody may be asked. */
export function isAsked(place: ProviderPlace): place is AskedPlace {
  return place.upstream !== null;
}
