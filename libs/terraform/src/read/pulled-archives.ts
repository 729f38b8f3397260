import { LRUCache } from 'lru-cache';

import type { IngestJob, IngestQueue } from '@oci-package-proxy/ingest';
import type { Download, DownloadRequest, Downloads, DownloadSource } from '@oci-package-proxy/upstream';

import { ECOSYSTEM } from '../model/address.ts';
import { type Platform, platformText } from '../model/provider.ts';
import type { ServedFile } from './read-port.ts';

/** A job that was handed in so long ago (ms), of a file that is still asked for from the spool, may be lost. */
const HANDED_IN_MS = 60_000;
/** How long (ms) a queue that did not take a job is left alone about it. */
const REFUSED_MS = 5_000;
const MAX_HANDED_IN = 20_000;

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
export interface PulledArchivesOptions {
  readonly downloads: Downloads;
  readonly queue: IngestQueue;
  /** This process, for whoever is to take a file from its spool. */
  readonly holderId: string;
  readonly logger: { warn(fields: Readonly<Record<string, unknown>>, message: string): void };
  /** Told of every job that was to be handed in. Must not throw. */
  readonly onEnqueued?: ((outcome: 'queued' | 'failed') => void) | undefined;
}

/** Archives that nobody here has yet: fetched once for all who want them, and handed in to be stored. DESIGN §4, "Read, missed". */
export class PulledArchives {
  readonly #options: PulledArchivesOptions;
  /** By job. */
  readonly #handedIn = new LRUCache<string, true>({ max: MAX_HANDED_IN, ttl: HANDED_IN_MS });

  constructor(options: PulledArchivesOptions) {
    this.#options = options;
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
    await this.#enqueue(archive);
  }

  async #open(wanted: PulledArchive, signal: AbortSignal | undefined): Promise<Download> {
    const handIn = async (): Promise<void> => this.#handIn(wanted);
    const download = await this.#options.downloads.open({ ...requestOf(wanted), onVerified: handIn }, signal);
    // What has lain in the spool for a while is not stored yet: its job may be lost.
    void download.finished.then(handIn, () => undefined);
    return download;
  }

  /** A lost job is handed in again when the archive is asked for again: it must not fail a read. */
  async #handIn(wanted: PulledArchive): Promise<void> {
    const key = downloadKey(wanted);
    if (this.#handedIn.has(key)) {
      return;
    }
    this.#handedIn.set(key, true);
    if (!(await this.#enqueue(wanted))) {
      this.#handedIn.set(key, true, { ttl: REFUSED_MS });
    }
  }

  /** @returns whether the queue took it. */
  async #enqueue(archive: WantedArchive): Promise<boolean> {
    const { queue, holderId, logger, onEnqueued } = this.#options;
    const job = jobOf(archive);
    try {
      await queue.enqueue({ version: 1, ecosystem: ECOSYSTEM, ...job, holder: holderId, at: Date.now() });
      onEnqueued?.('queued');
      return true;
    } catch (err) {
      onEnqueued?.('failed');
      logger.warn({ ...job, err }, 'an ingest job could not be handed in; the file is stored when it is asked for again');
      return false;
    }
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

function jobOf({ package: name, version, platform, sha256 }: WantedArchive): Pick<IngestJob, 'package' | 'file' | 'digest'> {
  return { package: name, file: `${version}/${platformText(platform)}`, digest: `sha256:${sha256}` };
}

function following(file: ServedFile, download: Download): ServedFile {
  return { ...file, size: download.size, open: async (range, signal) => Promise.resolve(download.stream({ start: range?.start ?? 0, signal })) };
}
