import { ProxyError } from '@oci-package-proxy/errors';
import type { IngestJob, IngestPlan } from '@oci-package-proxy/ingest';
import type { Fold, JsonValue, LedgerReader } from '@oci-package-proxy/storage';

import type { TerraformHosts, TerraformUpstream } from '../config/hosts.ts';
import { ECOSYSTEM, type ProviderAddress, providerRef } from '../model/address.ts';
import type { Platform } from '../model/provider.ts';
import { pulledTag } from '../model/terraform-fact.ts';
import { heldByVersion } from '../read/held-provider.ts';
import { stateOfList } from '../read/last-state.ts';
import { type AskedPlace, ProviderPlaces } from '../read/provider-places.ts';
import { providerOfPackage } from '../read/provider-name.ts';
import { archiveText, downloadKey } from '../read/pulled-archives.ts';
import { isBlocked } from '../read/version-marks.ts';
import { archiveSource } from '../upstream/archive-source.ts';
import { type DescribedPackage, ProviderReleases, type ProviderReleasesOptions } from '../upstream/provider-releases.ts';
import { isUpstreamFailure } from '../upstream/upstream-failure.ts';
import { UpstreamProviders } from '../upstream/upstream-providers.ts';
import type { UpstreamRegistries } from '../upstream/upstream-registry.ts';
import { canonicalVersion } from '../versions/version.ts';
import { pulledFact } from './pulled-fact.ts';
import { releaseManifest } from './release-manifest.ts';
import { versionIndexes } from './version-index.ts';

const FILE = /^([^/]+)\/([^/_]+)_([^/_]+)$/;
const DIGEST = /^sha256:([0-9a-f]{64})$/;

/** What {@link ProviderPlans} needs. */
export interface ProviderPlansOptions {
  readonly hosts: Pick<TerraformHosts, 'isOwn' | 'isPrivate' | 'upstream'>;
  readonly ledger: Pick<LedgerReader, 'fold' | 'fact'>;
  readonly registries: UpstreamRegistries;
  readonly logger: ProviderReleasesOptions['logger'];
}

/** A job, read. */
interface ProviderJob {
  readonly address: ProviderAddress;
  readonly version: string;
  readonly platform: Platform;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** How platforms of providers that were pulled through are stored. */
export class ProviderPlans {
  readonly #hosts: ProviderPlansOptions['hosts'];
  readonly #ledger: ProviderPlansOptions['ledger'];
  readonly #places: ProviderPlaces;
  readonly #providers: UpstreamProviders;
  readonly #releases: ProviderReleases;

  constructor({ hosts, ledger, registries, logger }: ProviderPlansOptions) {
    this.#hosts = hosts;
    this.#ledger = ledger;
    this.#places = new ProviderPlaces({ ledger, hosts });
    this.#providers = new UpstreamProviders(registries);
    this.#releases = new ProviderReleases({ providers: this.#providers, logger });
  }

  /** `IngestCodec.plan` of a provider's job. */
  async plan(job: IngestJob, signal: AbortSignal): Promise<IngestPlan | null> {
    const wanted = readJob(job);
    const { version, platform, sha256 } = wanted;
    const place = await this.#placeOf(job, wanted, signal);
    const described = await this.#described(place, job, { wanted, signal });
    const plan = {
      ref: place.ref,
      tag: pulledTag(version, platform),
      subject: archiveText({ package: place.ref.name, version, platform }),
      upstreamState: await this.#state(place, version, signal),
      derive: (fold: Fold) => versionIndexes(fold, version),
    };
    if (described === null) {
      return this.#takenBack(job, plan, signal);
    }
    return {
      ...plan,
      key: downloadKey({ package: place.ref.name, version, platform, sha256 }),
      expected: { sha256 },
      sources: [archiveSource({ providers: this.#providers, subject: place, version, platform, sha256 })],
      build: async (file) => {
        const manifest = await releaseManifest(place.upstream, described, signal);
        const fact = await pulledFact({ ...described, version, file, manifest, signal });
        await this.#checkAllowed(job, wanted, signal);
        return fact;
      },
    };
  }

  /** Just before it is stored: it may have been blocked since the job was handed in. @throws ProxyError `policy`. */
  async #checkAllowed({ file }: IngestJob, { address, version }: ProviderJob, signal: AbortSignal): Promise<void> {
    const { fold, ref } = await this.#places.of(address, { signal, fresh: true });
    if (isBlocked(fold, version)) {
      throw new ProxyError('policy', `ingest of ${file}: ${ref.name} ${version} is blocked here`);
    }
  }

  /** What is stored and not there any more stays stored; null for what is not stored. What upstream lists now is kept all the same. */
  async #takenBack(job: IngestJob, plan: Omit<IngestPlan, 'key' | 'expected' | 'sources' | 'build'>, signal: AbortSignal): Promise<IngestPlan | null> {
    if ((await this.#ledger.fact(plan.ref, plan.tag, { signal })) === null) {
      return null;
    }
    const build = async (): Promise<never> => Promise.reject(new ProxyError('not-found', `ingest of ${job.file}: upstream no longer has it`));
    return { ...plan, key: `${ECOSYSTEM}/taken-back/${plan.ref.repository}/${plan.tag}`, expected: {}, sources: [], build };
  }

  /** A job may speak of a newer release than the one that is known here: that upstream announces other bytes is never said from an old one. */
  async #described(place: AskedPlace, job: IngestJob, { wanted, signal }: { readonly wanted: ProviderJob; readonly signal: AbortSignal }): Promise<DescribedPackage | null> {
    const found = await this.#releases.describe(place, wanted, { signal });
    if (found === null || found.found.sha256 === wanted.sha256) {
      return found;
    }
    const now = await this.#releases.describe(place, wanted, { signal, fresh: true });
    if (now === null || now.found.sha256 === wanted.sha256) {
      return now;
    }
    if (now.stale) {
      throw new ProxyError('upstream-unavailable', `ingest of ${job.file}: upstream announced other bytes before, and cannot be asked now`);
    }
    throw new ProxyError('integrity', `ingest of ${job.file}: upstream now announces other bytes than those that were fetched`);
  }

  /** Null where upstream does not say, which leaves what was written before. */
  async #state(place: AskedPlace, version: string, signal: AbortSignal): Promise<JsonValue | null> {
    const known = [version, ...heldByVersion(place.fold).keys()];
    try {
      const list = await this.#providers.versions(place, { signal, has: ({ versions }) => isIncluded(known, versions) });
      return list?.stale === true ? null : stateOfList(list?.value ?? { versions: [], warnings: [] }, place.fold);
    } catch (error) {
      if (!isUpstreamFailure(error)) {
        throw error;
      }
      return null;
    }
  }

  /**
   * That nothing was decided yet is never said from a list that was cached.
   * @throws ProxyError `not-found` for a host that is not pulled through any more; `policy` for a private name, and for what is published here.
   */
  async #placeOf({ file }: IngestJob, { address }: ProviderJob, signal: AbortSignal): Promise<AskedPlace> {
    const { name } = providerRef(address);
    const upstream: TerraformUpstream | null = this.#hosts.upstream(address.host);
    if (upstream === null) {
      throw new ProxyError('not-found', `ingest of ${file}: nothing is pulled through from ${address.host}`);
    }
    const cached = await this.#places.of(address, { signal });
    const place = cached.fold.origin === null ? await this.#places.of(address, { signal, fresh: true }) : cached;
    if (place.upstream === null) {
      throw new ProxyError('policy', `ingest of ${file}: ${name} is private or published here, and so is never asked of upstream`);
    }
    return { ...place, upstream };
  }
}

/** @throws ProxyError `invalid` for what no front end hands in. */
function readJob({ package: name, file, digest }: IngestJob): ProviderJob {
  const address = providerOfPackage(name);
  const [, version = '', os = '', arch = ''] = FILE.exec(file) ?? [];
  const [, sha256] = DIGEST.exec(digest.toLowerCase()) ?? [];
  if (address === null || canonicalVersion(version) === null || os === '' || arch === '' || sha256 === undefined) {
    throw new ProxyError('invalid', `ingest of ${file}: ${name} is no provider, or its version, platform or digest is none`);
  }
  return { address, version, platform: { os, arch }, sha256 };
}

function isIncluded(wanted: readonly string[], versions: readonly { readonly version: string }[]): boolean {
  const listed = new Set(versions.map(({ version }) => version));
  return wanted.every((version) => listed.has(version));
}
