import { ProxyError } from '@oci-package-proxy/errors';
import type { Fold, LedgerReader, PackageRef } from '@oci-package-proxy/storage';

import type { TerraformHosts, TerraformUpstream } from '../config/hosts.ts';
import type { ListedVersion } from '../model/provider.ts';
import { ModulePlaces } from '../modules/module-places.ts';
import { UpstreamModules } from '../modules/upstream-modules.ts';
import { ProviderPlaces } from '../read/provider-places.ts';
import type { ReadCall } from '../read/read-port.ts';
import { isBlocked } from '../read/version-marks.ts';
import type { Decoded } from '../upstream/decoded-documents.ts';
import { isUpstreamFailure } from '../upstream/upstream-failure.ts';
import { PATIENCE_MS, withPatience } from '../upstream/upstream-patience.ts';
import { UpstreamProviders } from '../upstream/upstream-providers.ts';
import type { UpstreamRegistries } from '../upstream/upstream-registry.ts';
import { type ManagedPackage, managedText } from './managed-package.ts';
import { type StoredVersion, storedVersions } from './stored-versions.ts';

/** All that there is of a package. */
export interface PackagePlace {
  readonly managed: ManagedPackage;
  /** Its address. */
  readonly name: string;
  readonly ref: PackageRef;
  readonly fold: Fold;
  readonly stored: ReadonlyMap<string, StoredVersion>;
  /** The host that is asked for the rest; null: nobody is. */
  readonly upstream: string | null;
  /** What it lists, without what is blocked here; of modules no platforms. */
  readonly listed: ReadonlyMap<string, Pick<ListedVersion, 'platforms'>>;
  /** Why nobody can say what it lists; null: it was asked, or nobody is. */
  readonly failure: ProxyError | null;
}

/** What {@link PackagePlaces} needs. */
export interface PackagePlacesOptions {
  readonly ledger: Pick<LedgerReader, 'fold'>;
  readonly hosts: TerraformHosts;
  readonly registries: UpstreamRegistries;
  /** How long (ms) upstream is waited for; {@link PATIENCE_MS} when absent. */
  readonly patienceMs?: number;
}

type Listing = Pick<PackagePlace, 'listed' | 'failure'>;

const NOTHING: Listing = { listed: new Map(), failure: null };

/** Finds what there is of packages, stored here and at their upstream. */
export class PackagePlaces {
  readonly #options: PackagePlacesOptions;
  readonly #providers: { readonly places: ProviderPlaces; readonly upstream: UpstreamProviders };
  readonly #modules: { readonly places: ModulePlaces; readonly upstream: UpstreamModules };

  constructor(options: PackagePlacesOptions) {
    this.#options = options;
    this.#providers = { places: new ProviderPlaces(options), upstream: new UpstreamProviders(options.registries) };
    this.#modules = { places: new ModulePlaces(options), upstream: new UpstreamModules(options.registries) };
  }

  /**
   * A package as it is now. What upstream does not answer in time is told in `failure`.
   * @throws ProxyError as the ledger does.
   */
  async read(managed: ManagedPackage, call: Pick<ReadCall, 'signal'> = {}): Promise<PackagePlace> {
    const fresh = { fresh: true, signal: call.signal };
    const place = managed.kind === 'provider' ? await this.#providers.places.of(managed.address, fresh) : await this.#modules.places.of(managed.address, fresh);
    const { ref, fold, upstream } = place;
    const stored = storedVersions(managed.kind, fold);
    const listing = await this.#list(managed, upstream, fresh);
    const listed = new Map([...listing.listed].filter(([version]) => !isBlocked(fold, version)));
    return { managed, name: managedText(managed), ref, fold, stored, upstream: upstream?.host ?? null, listed, failure: listing.failure };
  }

  async #list(managed: ManagedPackage, upstream: TerraformUpstream | null, call: ReadCall): Promise<Listing> {
    if (upstream === null) {
      return NOTHING;
    }
    try {
      const patience = { ...call, patienceMs: this.#options.patienceMs ?? PATIENCE_MS, upstream: upstream.host };
      return await withPatience(patience, async (patient) => this.#versions(managed, upstream, patient));
    } catch (error) {
      if (!isUpstreamFailure(error)) {
        throw error;
      }
      return { ...NOTHING, failure: error };
    }
  }

  async #versions(managed: ManagedPackage, upstream: TerraformUpstream, call: ReadCall): Promise<Listing> {
    if (managed.kind === 'provider') {
      const list = await this.#providers.upstream.versions({ upstream, address: managed.address }, call);
      return listingOf(list, upstream, list?.value.versions ?? []);
    }
    const list = await this.#modules.upstream.versions({ upstream, address: managed.address }, call);
    return listingOf(list, upstream, list?.value.map((version) => ({ version, platforms: [] })) ?? []);
  }
}

// What an old list does not have may be there by now.
function listingOf(list: Pick<Decoded<unknown>, 'stale'> | null, { host }: TerraformUpstream, versions: readonly Pick<ListedVersion, 'version' | 'platforms'>[]): Listing {
  const failure = list?.stale === true ? new ProxyError('upstream-unavailable', `${host} cannot be asked now: this is what it listed last. Try again later.`) : null;
  return { listed: new Map(versions.map((listed) => [listed.version, listed])), failure };
}
