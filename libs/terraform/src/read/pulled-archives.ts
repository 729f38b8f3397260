import { HandIn, type HandInOptions, type JobSubject } from '@oci-package-proxy/ingest';
import type { Download, DownloadRequest, Downloads, DownloadSource } from '@oci-package-proxy/upstream';

import { ECOSYSTEM } from '../model/address.ts';
import { type Platform, platformText } from '../model/provider.ts';
import type { ServedFile } from './read-port.ts';

/** An archive by what it must be. */
export interface WantedArchive {
  /** As `PackageRef.name`. */
  readonly package: string;
  readonly version: string;
  readonly platform: Platform;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** An archive that is to be fetched. */
export interface PulledArchive extends WantedArchive {
  /** Bytes; null where nobody has said. */
  readonly size: number | null;
  readonly sources: readonly DownloadSource[];
}

/** What {@link PulledArchives} needs. */
export interface PulledArchivesOptions extends Omit<HandInOptions, 'ecosystem'> {
  readonly downloads: Downloads;
}

/** Archives that nobody here has yet: fetched once for all who want them, and handed in to be stored. DESIGN §4, "Read, missed". */
export class PulledArchives {
  readonly #downloads: Downloads;
  readonly #handIn: HandIn;

  constructor(options: PulledArchivesOptions) {
    this.#downloads = options.downloads;
    this.#handIn = new HandIn({ ...options, ecosystem: ECOSYSTEM });
  }

  /** The archive as it can be served; nothing is fetched before it is started or opened. */
  served(wanted: PulledArchive): ServedFile {
    const file: ServedFile = {
      cache: 'miss',
      etag: `sha256:${wanted.sha256}`,
      size: wanted.size,
      contentType: 'application/zip',
      start: async (signal) => following(file, await this.#open(wanted, signal)),
      open: async (range, signal) => (await this.#open(wanted, signal)).stream({ start: range?.start ?? 0, signal }),
    };
    return file;
  }

  /** Hands in an archive that is stored already, for the worker to write down what upstream says now. Never throws. */
  async handInStored(archive: WantedArchive): Promise<void> {
    await this.#handIn.now(jobOf(archive));
  }

  async #open(wanted: PulledArchive, signal: AbortSignal | undefined): Promise<Download> {
    const handIn = async (): Promise<void> => this.#handIn.once(jobOf(wanted));
    const download = await this.#downloads.open({ ...requestOf(wanted), onVerified: handIn }, signal);
    // What has lain in the spool for a while is not stored yet: its job may be lost.
    void download.finished.then(handIn, () => undefined);
    return download;
  }
}

/** Names a download on every replica. */
export function downloadKey({ package: name, version, platform, sha256 }: WantedArchive): string {
  return `${ECOSYSTEM}/${name}/${version}/${platformText(platform)}/sha256:${sha256}`;
}

/** What an archive is called in errors. */
export function archiveText({ package: name, version, platform }: Omit<WantedArchive, 'sha256'>): string {
  return `archive of ${name} ${version} for ${platformText(platform)}`;
}

function requestOf(wanted: PulledArchive): DownloadRequest {
  const { sha256, size, sources } = wanted;
  return { key: downloadKey(wanted), expected: { sha256, ...(size === null ? {} : { size }) }, sources, subject: archiveText(wanted) };
}

function jobOf({ package: name, version, platform, sha256 }: WantedArchive): JobSubject {
  return { package: name, file: `${version}/${platformText(platform)}`, digest: `sha256:${sha256}` };
}

function following(file: ServedFile, download: Download): ServedFile {
  return { ...file, size: download.size, open: async (range, signal) => Promise.resolve(download.stream({ start: range?.start ?? 0, signal })) };
}
