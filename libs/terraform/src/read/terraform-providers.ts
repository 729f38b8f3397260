import type { IngestQueue } from '@oci-package-proxy/ingest';
import { versionTag } from '@oci-package-proxy/mapping';
import { LastStates, type LedgerReader } from '@oci-package-proxy/storage';
import type { Downloads } from '@oci-package-proxy/upstream';

import type { TerraformHosts } from '../config/hosts.ts';
import type { FileClaim } from '../links/file-claim.ts';
import type { ProviderAddress } from '../model/address.ts';
import type { Platform } from '../model/provider.ts';
import { ProviderReleases } from '../upstream/provider-releases.ts';
import { PATIENCE_MS } from '../upstream/upstream-patience.ts';
import { UpstreamProviders } from '../upstream/upstream-providers.ts';
import type { UpstreamRegistries } from '../upstream/upstream-registry.ts';
import { lastStateIn } from './last-state.ts';
import { OutdatedStates } from './outdated-states.ts';
import { type AlarmLogger, PinAlarms } from './pin-alarms.ts';
import { ProviderFiles } from './provider-files.ts';
import { type ProviderPlace, ProviderPlaces } from './provider-places.ts';
import { isPublishedVersion, publishedArchives, publishedPackage, publishedVersions } from './published-provider.ts';
import { PulledArchives, type PulledArchivesOptions } from './pulled-archives.ts';
import { PulledPackages } from './pulled-packages.ts';
import { PulledVersions } from './pulled-versions.ts';
import type { MirrorArchive, ProviderPackage, ProviderReader, ProviderVersions, ReadCall, ServedFile } from './read-port.ts';
import { StoredFiles } from './stored-files.ts';
import { StoredSums } from './stored-sums.ts';

/** What {@link TerraformProviders} needs. */
export interface TerraformProvidersOptions {
  readonly ledger: LedgerReader;
  readonly hosts: TerraformHosts;
  readonly downloads: Downloads;
  readonly queue: IngestQueue;
  /** This process, for whoever is to take a file from its spool. */
  readonly holderId: string;
  readonly logger: AlarmLogger & PulledArchivesOptions['logger'];
  readonly registries: UpstreamRegistries;
  /** Told of every job that was to be handed in. Must not throw. */
  readonly onEnqueued?: (outcome: 'queued' | 'failed') => void;
  /** How long (ms) upstream is waited for before what is held stands in; {@link PATIENCE_MS} when absent. */
  readonly patienceMs?: number;
}

/** Everything that is read of providers, put together. */
export class TerraformProviders implements ProviderReader {
  readonly #ledger: Pick<LedgerReader, 'fact'>;
  readonly #places: ProviderPlaces;
  readonly #versions: PulledVersions;
  readonly #packages: PulledPackages;
  readonly #files: ProviderFiles;

  constructor({ ledger, hosts, downloads, queue, holderId, logger, registries, onEnqueued, patienceMs = PATIENCE_MS }: TerraformProvidersOptions) {
    const providers = new UpstreamProviders(registries);
    const releases = new ProviderReleases({ providers, logger });
    const pulled = new PulledArchives({ downloads, queue, holderId, logger, onEnqueued });
    const states = new LastStates(ledger, lastStateIn);
    this.#ledger = ledger;
    this.#places = new ProviderPlaces({ ledger, hosts });
    this.#versions = new PulledVersions({ ledger, providers, states, outdated: new OutdatedStates({ states, pulled, logger }), patienceMs });
    this.#packages = new PulledPackages({ ledger, providers, releases, sums: new StoredSums(ledger), alarms: new PinAlarms({ providers, logger }), patienceMs });
    this.#files = new ProviderFiles({ ledger, places: this.#places, stored: new StoredFiles(ledger), providers, releases, pulled, patienceMs });
  }

  async versions(address: ProviderAddress, call: ReadCall = {}): Promise<ProviderVersions | null> {
    return this.#unlessOld(address, call, async (place) => (isOurs(place) ? Promise.resolve(publishedVersions(place.fold)) : this.#versions.of(place, call)));
  }

  async package(address: ProviderAddress, version: string, platform: Platform, call: ReadCall = {}): Promise<ProviderPackage | null> {
    return this.#unlessOld(address, call, async (place) => {
      if (!isOurs(place)) {
        return this.#packages.package(place, { version, platform }, call);
      }
      const fact = await this.#published(place, version, call);
      return fact === null ? null : publishedPackage({ address, version }, fact, platform);
    });
  }

  async archives(address: ProviderAddress, version: string, call: ReadCall = {}): Promise<readonly MirrorArchive[] | null> {
    return this.#unlessOld(address, call, async (place) => {
      if (!isOurs(place)) {
        return this.#packages.archives(place, version, call);
      }
      const fact = await this.#published(place, version, call);
      return fact === null ? null : publishedArchives({ address, version }, fact);
    });
  }

  async file(claim: Omit<FileClaim, 'filename'>, call?: ReadCall): Promise<ServedFile | null> {
    return this.#files.find(claim, call);
  }

  async #published({ ref }: ProviderPlace, version: string, { signal }: ReadCall): ReturnType<LedgerReader['fact']> {
    const fact = await this.#ledger.fact(ref, versionTag(version), { signal });
    return fact !== null && isPublishedVersion(fact) ? fact : null;
  }

  /** Not found is never said from a list of what is stored that was cached. What upstream said a moment ago still counts. */
  async #unlessOld<T>(address: ProviderAddress, call: ReadCall, read: (place: ProviderPlace) => Promise<T | null>): Promise<T | null> {
    const found = await read(await this.#places.of(address, call));
    return found !== null || call.fresh === true ? found : read(await this.#places.of(address, { ...call, fresh: true }));
  }
}

function isOurs({ fold }: ProviderPlace): boolean {
  return fold.origin === 'published';
}
