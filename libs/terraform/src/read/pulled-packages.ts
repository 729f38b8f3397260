import { ProxyError } from '@oci-package-proxy/errors';
import type { Fold, LedgerReader } from '@oci-package-proxy/storage';

import { lockHashes, mirrorHashes } from '../documents/archive-hashes.ts';
import { providerText } from '../model/address.ts';
import { type Platform, platformText } from '../model/provider.ts';
import { layerOf, pulledTag, TERRAFORM_TYPES } from '../model/terraform-fact.ts';
import type { DescribedPackage, ProviderReleases, WantedPackage } from '../upstream/provider-releases.ts';
import { EMPTY_FILE } from '../upstream/release-files.ts';
import { isUpstreamFailure } from '../upstream/upstream-failure.ts';
import { withPatience } from '../upstream/upstream-patience.ts';
import type { UpstreamProviders } from '../upstream/upstream-providers.ts';
import { archiveClaim, type ProviderVersion, smallFileClaims } from './file-claims.ts';
import { type HeldPackage, heldOf, heldPackage } from './held-provider.ts';
import type { PinAlarms } from './pin-alarms.ts';
import { type AskedPlace, isAsked, type ProviderPlace } from './provider-places.ts';
import type { ArchiveHashes, MirrorArchive, ProviderPackage, ReadCall } from './read-port.ts';
import { hexOf, lostFile } from './stored-layer.ts';
import type { StoredSums } from './stored-sums.ts';
import { archivesInSums, type VersionArchives, withDescribed, withHeld } from './version-archives.ts';
import { isBlocked, isGone } from './version-marks.ts';

/** Platforms that most providers have, for upstreams that do not list any. */
const COMMON: readonly Platform[] = [{ os: 'linux', arch: 'amd64' }, { os: 'darwin', arch: 'arm64' }, { os: 'windows', arch: 'amd64' }];
/** How many platforms upstream is asked for to learn of a version. */
const TRIES = 3;

/** What {@link PulledPackages} needs. */
export interface PulledPackagesOptions {
  readonly ledger: Pick<LedgerReader, 'fold' | 'fact'>;
  readonly providers: Pick<UpstreamProviders, 'listed'>;
  readonly releases: ProviderReleases;
  readonly sums: StoredSums;
  readonly alarms: PinAlarms;
  /** As of `withPatience`. */
  readonly patienceMs: number;
}

/**
 * Versions of providers that are pulled through, with their files. What is held is answered from what is stored, whether or not upstream
 * can be asked and still lists it; everything else only after its signed sums were checked.
 */
export class PulledPackages {
  readonly #options: PulledPackagesOptions;

  constructor(options: PulledPackagesOptions) {
    this.#options = options;
  }

  /** `ProviderReader.package` of what is not published here. */
  async package(place: ProviderPlace, wanted: WantedPackage, call: ReadCall = {}): Promise<ProviderPackage | null> {
    const { ledger, releases, alarms, patienceMs } = this.#options;
    const { version, platform } = wanted;
    if (isBlocked(place.fold, version)) {
      return null;
    }
    const fact = await ledger.fact(place.ref, pulledTag(version, platform), { signal: call.signal });
    const held = fact === null ? null : heldPackage(fact);
    if (held !== null) {
      if (isAsked(place)) {
        void alarms.watch(place, held);
      }
      return this.#held(place, held, call);
    }
    if (!isAsked(place) || isGone(place.fold, version, platform)) {
      return null;
    }
    const described = await withPatience({ ...call, patienceMs, upstream: place.upstream.host }, async (patient) => releases.describe(place, wanted, patient));
    return described === null ? null : this.#described(place, version, described);
  }

  /** `ProviderReader.archives` of what is not published here. */
  async archives(place: ProviderPlace, version: string, call: ReadCall = {}): Promise<readonly MirrorArchive[] | null> {
    if (isBlocked(place.fold, version)) {
      return null;
    }
    if (!isAsked(place)) {
      return this.#stored(place, version, call);
    }
    const { ledger, patienceMs } = this.#options;
    try {
      const announced = await withPatience({ ...call, patienceMs, upstream: place.upstream.host }, async (patient) => this.#announced(place, version, patient));
      return announced === null ? await this.#stored(place, version, call) : inMirror(place, version, this.#laidOver(place, version, announced));
    } catch (error) {
      const fold = isUpstreamFailure(error) ? await ledger.fold(place.ref, { fresh: true, signal: call.signal }) : null;
      const stored = fold === null ? null : await this.#stored({ ...place, fold }, version, call);
      if (stored === null) {
        throw error;
      }
      return stored;
    }
  }

  async #held({ address, ref, fold }: ProviderPlace, { fact, document }: HeldPackage, { signal }: ReadCall): Promise<ProviderPackage> {
    const { version, protocols, archive, keys } = document;
    const of = { address, version };
    const [sums, signature] = [layerOf(fact, TERRAFORM_TYPES.sums), layerOf(fact, TERRAFORM_TYPES.signature)];
    if (sums === null) {
      throw lostFile(`${providerText(address)} ${version}: SHA256SUMS`);
    }
    const all = await this.#options.sums.archives(ref, of, { held: [{ fact, document }, ...heldOf(fold, version)], signal });
    return {
      version,
      protocols,
      platform: archive.platform,
      archive: archiveClaim(of, archive),
      ...smallFileClaims(of, { sums: hexOf(sums.digest), signature: signature === null ? EMPTY_FILE.sha256 : hexOf(signature.digest), platform: archive.platform }),
      keys,
      all: inLock(fold, version, all),
    };
  }

  #described(place: AskedPlace, version: string, { found, release }: DescribedPackage): ProviderPackage {
    const of = { address: place.address, version };
    const { platform, protocols, keys } = found;
    const all = this.#laidOver(place, version, withDescribed(archivesInSums(release.sums.files, of), found));
    const isSizeKnown = (all.get(platformText(platform))?.size ?? null) !== null;
    return {
      version,
      protocols,
      platform,
      archive: archiveClaim(of, found),
      ...smallFileClaims(of, { sums: release.sums.sha256, signature: release.signature.sha256, platform }),
      keys,
      // OpenTofu takes the list for complete, and refuses one without the size of what it asked for.
      all: isSizeKnown ? inLock(place.fold, version, all) : null,
    };
  }

  /** All archives of a version as upstream announces them; null when it lists no such version. */
  async #announced(place: AskedPlace, version: string, call: ReadCall): Promise<VersionArchives | null> {
    const { providers, releases } = this.#options;
    const of = { address: place.address, version };
    const known = call.fresh === true ? null : releases.known(place, version);
    if (known !== null) {
      return announcedArchives(of, known);
    }
    const listed = await providers.listed(place, version, call);
    if (listed === null) {
      return null;
    }
    const platforms = listed.platforms.length > 0 ? listed.platforms : COMMON;
    for (const platform of platforms.slice(0, TRIES)) {
      const described = await releases.describe(place, { version, platform }, call);
      if (described !== null) {
        return announcedArchives(of, described);
      }
    }
    throw new ProxyError('upstream-unavailable', `${providerText(place.address)} ${version}: upstream lists it and does not describe it. Report it to who runs ${place.upstream.host}.`);
  }

  /** The archives of a version with what is held of them laid over. */
  #laidOver(place: AskedPlace, version: string, announced: VersionArchives): VersionArchives {
    const { archives, pinned } = withHeld(announced, heldOf(place.fold, version));
    this.#options.alarms.raise(place, version, pinned);
    return archives;
  }

  /** Null when nothing of the version is held. */
  async #stored(place: ProviderPlace, version: string, { signal }: ReadCall): Promise<readonly MirrorArchive[] | null> {
    const held = heldOf(place.fold, version);
    if (held.length === 0) {
      return null;
    }
    // Platforms that are not held are named too: that there are none of them would be untrue.
    return inMirror(place, version, await this.#options.sums.archives(place.ref, { address: place.address, version }, { held, signal }));
  }
}

function announcedArchives(of: ProviderVersion, { found, release }: DescribedPackage): VersionArchives {
  return withDescribed(archivesInSums(release.sums.files, of), found);
}

function inMirror({ address, fold }: ProviderPlace, version: string, archives: VersionArchives): readonly MirrorArchive[] {
  const shown = [...archives.values()].filter(({ platform }) => !isGone(fold, version, platform));
  return shown.map((archive) => ({ platform: archive.platform, hashes: mirrorHashes(archive), size: archive.size, archive: archiveClaim({ address, version }, archive) }));
}

function inLock(fold: Fold, version: string, archives: VersionArchives): readonly ArchiveHashes[] {
  const shown = [...archives.values()].filter(({ platform }) => !isGone(fold, version, platform));
  return shown.map((archive) => ({ platform: archive.platform, hashes: lockHashes(archive), size: archive.size }));
}
