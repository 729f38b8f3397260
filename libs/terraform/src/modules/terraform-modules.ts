import type { IngestQueue } from '@oci-package-proxy/ingest';
import type { LedgerReader } from '@oci-package-proxy/storage';
import type { Downloads } from '@oci-package-proxy/upstream';

import type { TerraformHosts } from '../config/hosts.ts';
import type { FileClaim } from '../links/file-claim.ts';
import { ECOSYSTEM, type ModuleAddress, moduleRef } from '../model/address.ts';
import { moduleDocumentOf } from '../model/terraform-fact.ts';
import type { ModuleArchive, ModuleDetail, ModuleReader, ModuleVersions, ReadCall, ServedFile } from '../read/read-port.ts';
import type { UpstreamRegistries } from '../upstream/upstream-registry.ts';
import { canonicalVersion, latestVersion, newestFirst } from '../versions/version.ts';
import { ModuleLists } from './module-lists.ts';
import { ModuleLocations } from './module-locations.ts';
import { archiveName, moduleAddressOf } from './module-name.ts';
import { ModulePlaces } from './module-places.ts';
import { ModuleStates } from './module-states.ts';
import { NormalizedModules } from './normalized-modules.ts';
import { PulledModules, type PulledModulesOptions } from './pulled-modules.ts';
import { ServedModules } from './served-modules.ts';
import { UpstreamModules } from './upstream-modules.ts';

/** What {@link TerraformModules} needs. */
export interface TerraformModulesOptions {
  readonly ledger: Pick<LedgerReader, 'fold' | 'fact' | 'open' | 'upstreamState' | 'packages'>;
  readonly hosts: TerraformHosts;
  readonly downloads: Downloads;
  readonly queue: IngestQueue;
  /** This process, for whoever is to take a file from its spool. */
  readonly holderId: string;
  readonly logger: PulledModulesOptions['logger'];
  readonly registries: Pick<UpstreamRegistries, 'modulesBase'>;
  /** Where temporary files go; it must exist. */
  readonly directory: string;
  /** Told of every job that was to be handed in. Must not throw. */
  readonly onEnqueued?: (outcome: 'queued' | 'failed') => void;
}

/** Everything that is read of modules, put together. */
export class TerraformModules implements ModuleReader {
  readonly #ledger: TerraformModulesOptions['ledger'];
  readonly #lists: ModuleLists;
  readonly #locations: ModuleLocations;
  readonly #files: ServedModules;

  constructor({ ledger, hosts, downloads, queue, holderId, logger, registries, directory, onEnqueued }: TerraformModulesOptions) {
    const places = new ModulePlaces({ ledger, hosts });
    const modules = new UpstreamModules(registries);
    const pulled = new PulledModules({ downloads, queue, holderId, logger, onEnqueued });
    this.#ledger = ledger;
    this.#lists = new ModuleLists({ places, modules, states: new ModuleStates({ ledger, pulled, logger }) });
    this.#locations = new ModuleLocations({ ledger, hosts, places, modules });
    this.#files = new ServedModules({ ledger, locations: this.#locations, normalized: new NormalizedModules({ pulled, directory }) });
  }

  async versions(address: ModuleAddress, call?: ReadCall): Promise<ModuleVersions | null> {
    return this.#lists.get(address, call);
  }

  async archive(address: ModuleAddress, version: string, call?: ReadCall): Promise<ModuleArchive | null> {
    const wanted = canonicalVersion(version);
    const found = wanted === null ? null : await this.#locations.find(address, wanted, call);
    if (wanted === null || found === null) {
      return null;
    }
    const { sha256, subdirectory } = found.kind === 'stored' ? { subdirectory: null, ...moduleDocumentOf(found.fact) } : { sha256: null, subdirectory: found.module.location.subdirectory };
    return { kind: 'module-archive', package: moduleRef(address).name, version: wanted, platform: null, sha256, filename: archiveName(address, wanted), subdirectory };
  }

  async detail(address: ModuleAddress, version: string | null, call?: ReadCall): Promise<ModuleDetail | null> {
    const versions = newestFirst((await this.versions(address, call))?.versions ?? []);
    const wanted = version === null ? latestVersion(versions) : canonicalVersion(version);
    const fact = wanted === null ? null : await this.#locations.stored(address, wanted, call);
    if (wanted === null || (fact === null && !versions.includes(wanted))) {
      return null;
    }
    // Registries do not say when they got a version.
    const publishedAt = fact?.origin === 'published' ? fact.at : '';
    return { address, version: wanted, publishedAt, document: fact === null ? null : moduleDocumentOf(fact), versions };
  }

  async *addresses(host: string, { signal }: ReadCall = {}): AsyncIterable<ModuleAddress> {
    for await (const name of this.#ledger.packages(ECOSYSTEM, { signal })) {
      const address = moduleAddressOf(name);
      if (address?.host === host) {
        yield address;
      }
    }
  }

  async file(claim: Omit<FileClaim, 'filename'>, call?: ReadCall): Promise<ServedFile | null> {
    return this.#files.find(claim, call);
  }
}
