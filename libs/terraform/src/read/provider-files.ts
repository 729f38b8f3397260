import type { Readable } from 'node:stream';

import { ProxyError } from '@oci-package-proxy/errors';
import type { ByteRange } from '@oci-package-proxy/oci';
import { firstBytes } from '@oci-package-proxy/platform';
import { isStorageAway, type LedgerReader, openedOr, type PackageRef } from '@oci-package-proxy/storage';

import type { FileClaim } from '../links/file-claim.ts';
import { type ProviderAddress, providerRef } from '../model/address.ts';
import { type Platform, platformText } from '../model/provider.ts';
import { archiveSource } from '../upstream/archive-source.ts';
import type { ProviderRelease, ProviderReleases } from '../upstream/provider-releases.ts';
import { EMPTY_FILE, type ReleaseFile } from '../upstream/release-files.ts';
import { isUpstreamFailure } from '../upstream/upstream-failure.ts';
import { withPatience } from '../upstream/upstream-patience.ts';
import type { UpstreamProviders } from '../upstream/upstream-providers.ts';
import { providerOfPackage } from './provider-name.ts';
import { type AskedPlace, isAsked, type ProviderPlaces } from './provider-places.ts';
import type { PulledArchives } from './pulled-archives.ts';
import type { ReadCall, ServedFile } from './read-port.ts';
import { servedBytes } from './served-bytes.ts';
import type { StoredFile, StoredFiles } from './stored-files.ts';
import { lostFile } from './stored-layer.ts';
import { isBlocked, isGone } from './version-marks.ts';

const CONTENT_TYPES = { 'provider-archive': 'application/zip', sums: 'text/plain; charset=utf-8', signature: 'application/octet-stream' } as const;

/** What {@link ProviderFiles} needs. */
export interface ProviderFilesOptions {
  readonly ledger: Pick<LedgerReader, 'open'>;
  readonly places: ProviderPlaces;
  readonly stored: StoredFiles;
  readonly providers: UpstreamProviders;
  readonly releases: ProviderReleases;
  readonly pulled: PulledArchives;
  /** As of `withPatience`. */
  readonly patienceMs: number;
}

/** A claim of a file whose digest is known. */
interface Wanted {
  readonly ref: PackageRef;
  readonly kind: keyof typeof CONTENT_TYPES;
  readonly version: string;
  readonly platform: Platform | null;
  readonly sha256: string;
  readonly text: string;
}

interface Instead {
  readonly isPulled: boolean;
  readonly range: ByteRange | undefined;
  readonly signal: AbortSignal;
  /** Why storage did not serve it. */
  readonly failure: unknown;
}

/** A file that only upstream has. */
type Unheld = Wanted & { readonly platform: Platform };

/** The files of providers: archives, SHA256SUMS and their signatures. What a link promised is what is served, or nothing. */
export class ProviderFiles {
  readonly #options: ProviderFilesOptions;

  constructor(options: ProviderFilesOptions) {
    this.#options = options;
  }

  /** `ProviderReader.file` @throws ProxyError `integrity` where other bytes are there by now than those that the link was made for. */
  async find(claim: Omit<FileClaim, 'filename'>, call: ReadCall = {}): Promise<ServedFile | null> {
    const { kind, version, platform, sha256 } = claim;
    const address = providerOfPackage(claim.package);
    if (address === null || sha256 === null || kind === 'module-archive') {
      return null;
    }
    const wanted = { ref: providerRef(address), kind, version, platform, sha256, text: textOf(claim) };
    const stored = await this.#storedOrUnknown(address, claim, call);
    if (stored?.isPulled === true && (await this.#isBlocked(address, version, call))) {
      return null;
    }
    if (stored?.layer.digest === `sha256:${sha256}`) {
      return this.#stored(wanted, stored);
    }
    if (stored !== null && kind === 'provider-archive') {
      throw otherBytes(wanted);
    }
    const place = platform === null ? null : await this.#options.places.of(address, call);
    if (place === null || platform === null || !isAsked(place) || isGone(place.fold, version, platform)) {
      return null;
    }
    return kind === 'provider-archive' ? this.#archive(place, { ...wanted, platform }, call) : this.#small(place, { ...wanted, platform }, call);
  }

  /** While storage cannot be asked: null for what is upstream's by a list that is still alive, so that upstream and the spool can serve it. */
  async #storedOrUnknown(address: ProviderAddress, claim: Omit<FileClaim, 'filename'>, call: ReadCall): Promise<StoredFile | null> {
    try {
      return await this.#options.stored.find(providerRef(address), claim, call);
    } catch (error) {
      const fold = isStorageAway(error) ? (await this.#options.places.of(address, call)).fold : null;
      if (fold?.origin !== 'upstream' || fold.asOf !== undefined) {
        throw error;
      }
      return null;
    }
  }

  /** Whoever has a link to what was blocked since has it no more. That is never said from a list that was cached, as it can be undone. */
  async #isBlocked(address: ProviderAddress, version: string, call: ReadCall): Promise<boolean> {
    const { places } = this.#options;
    return isBlocked((await places.of(address, call)).fold, version) && (call.fresh === true || isBlocked((await places.of(address, { ...call, fresh: true })).fold, version));
  }

  #stored(wanted: Wanted, { layer, isPulled }: StoredFile): ServedFile {
    const file: ServedFile = {
      cache: 'hit',
      etag: layer.digest,
      size: layer.size,
      contentType: CONTENT_TYPES[wanted.kind],
      start: async () => Promise.resolve(file),
      open: async (range, signal) =>
        openedOr(async () => this.#options.ledger.open(wanted.ref, layer, { range, signal }), lostFile(wanted.text), async (failure) => this.#instead(wanted, { isPulled, range, signal, failure })),
    };
    return file;
  }

  /** Storage has lost the file, or is away: upstream may have the same. @throws `failure`. */
  async #instead(wanted: Wanted, { isPulled, range, signal, failure }: Instead): Promise<Readable> {
    const { ref, kind, platform } = wanted;
    const address = isPulled ? providerOfPackage(ref.name) : null;
    const place = address === null ? null : await this.#options.places.of(address, { signal });
    if (place === null || platform === null || !isAsked(place)) {
      throw failure;
    }
    const file = kind === 'provider-archive' ? this.#pulled(place, { ...wanted, platform }, null) : await this.#small(place, { ...wanted, platform }, { signal });
    if (file === null) {
      throw failure;
    }
    const stream = await file.open(range, signal);
    return range === undefined ? stream : firstBytes(stream, range.end - range.start + 1);
  }

  /** Who fetches it finds out where it is; it is asked for here to say "not found" while that can be said, and how large it is. */
  async #archive(place: AskedPlace, wanted: Unheld, call: ReadCall): Promise<ServedFile | null> {
    const { providers, patienceMs } = this.#options;
    try {
      const known = await withPatience({ ...call, patienceMs, upstream: place.upstream.host }, async (patient) => providers.package(place, wanted, patient));
      const said = known?.value.all?.find(({ platform, hashes }) => platformText(platform) === platformText(wanted.platform) && hashes.includes(`zh:${wanted.sha256}`));
      return known === null ? null : this.#pulled(place, wanted, known.value.sha256 === wanted.sha256 ? (said?.size ?? null) : null);
    } catch (error) {
      if (!isUpstreamFailure(error)) {
        throw error;
      }
      // Another replica may have it in its spool.
      return this.#pulled(place, wanted, null);
    }
  }

  #pulled(place: AskedPlace, { ref, version, platform, sha256 }: Unheld, size: number | null): ServedFile {
    const source = archiveSource({ providers: this.#options.providers, subject: place, version, platform, sha256 });
    return this.#options.pulled.served({ package: ref.name, version, platform, sha256, size, sources: [source] });
  }

  /** SHA256SUMS or the signature; null when upstream does not have the version any more. */
  async #small(place: AskedPlace, wanted: Unheld, call: ReadCall): Promise<ServedFile | null> {
    const { releases, patienceMs } = this.#options;
    if (wanted.kind === 'signature' && wanted.sha256 === EMPTY_FILE.sha256) {
      return servedSmall(wanted, EMPTY_FILE);
    }
    const known = releases.known(place, wanted.version)?.release;
    if (known !== undefined && fileOf(known, wanted).sha256 === wanted.sha256) {
      return servedSmall(wanted, fileOf(known, wanted));
    }
    return withPatience({ ...call, patienceMs, upstream: place.upstream.host }, async (patient) => {
      const described = await releases.describe(place, wanted, patient);
      if (described === null || fileOf(described.release, wanted).sha256 === wanted.sha256) {
        return described === null ? null : servedSmall(wanted, fileOf(described.release, wanted));
      }
      const now = await releases.describe(place, wanted, { ...patient, fresh: true });
      if (now !== null && fileOf(now.release, wanted).sha256 !== wanted.sha256) {
        throw otherBytes(wanted);
      }
      return now === null ? null : servedSmall(wanted, fileOf(now.release, wanted));
    });
  }
}

function fileOf({ sums, signature }: ProviderRelease, { kind }: Wanted): ReleaseFile {
  return kind === 'signature' ? signature : sums;
}

function servedSmall({ kind }: Wanted, file: ReleaseFile): ServedFile {
  return servedBytes(file, { cache: 'miss', contentType: CONTENT_TYPES[kind] });
}

function otherBytes({ text }: Wanted): ProxyError {
  return new ProxyError('integrity', `${text}: there are other bytes now than when this link was made. Run init again.`);
}

function textOf({ kind, package: name, version, platform }: Omit<FileClaim, 'filename'>): string {
  const what = kind === 'provider-archive' ? 'the archive' : 'SHA256SUMS or its signature';
  return `${name} ${version}${platform === null ? '' : ` for ${platformText(platform)}`}: ${what}`;
}
