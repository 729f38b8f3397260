import { LRUCache } from 'lru-cache';

import { ProxyError } from '@oci-package-proxy/errors';
import type { IngestJob, IngestQueue } from '@oci-package-proxy/ingest';
import { type Download, type DownloadRequest, type Downloads, type SpooledFile, upstreamSource } from '@oci-package-proxy/upstream';

import type { PypiUpstream } from '../config/indexes.ts';
import { DEFAULT, ECOSYSTEM } from '../model/holdings.ts';
import type { UpstreamFile } from '../model/project-page.ts';
import { type AnnouncedDigest, announcedDigest, digestText, expectedContent } from './announced-digest.ts';
import type { ServedFile } from './read-port.ts';
import { sha256Of } from './upstream-metadata.ts';

/** A job that was handed in so long ago (ms), of a file that is still asked for from the spool, may be lost. */
const HANDED_IN_MS = 60_000;
/** How long (ms) a queue that did not take a job is left alone about it. */
const REFUSED_MS = 5_000;
const MAX_HANDED_IN = 20_000;
/** Between its verification and our hold on it a file may be evicted. */
const TRIES = 3;

/** A file that is to be fetched. */
export interface PulledFile {
  readonly upstream: PypiUpstream;
  /** Of the project, normalized. */
  readonly name: string;
  readonly entry: UpstreamFile;
  /** sha256 of the bytes that were stored under this name before: no others will do. */
  readonly stored?: string;
}

/** A file that is to be stored. */
export interface JobFile extends Pick<PulledFile, 'upstream' | 'name'>, Pick<UpstreamFile, 'filename' | 'hashes'> {
  /** Of its bytes. */
  readonly sha256: string;
}

/** What {@link PulledFiles} needs. */
export interface PulledFilesOptions {
  readonly downloads: Downloads;
  readonly queue: IngestQueue;
  /** This process, for whoever is to take a file from its spool. */
  readonly holderId: string;
  readonly logger: { warn(fields: Readonly<Record<string, unknown>>, message: string): void };
  /** Told of every job that was to be handed in. Must not throw. */
  readonly onEnqueued?: ((outcome: 'queued' | 'failed') => void) | undefined;
}

/** Files that nobody here has yet: fetched once for all who want them, and handed in to be stored. DESIGN §4, "Read, missed". */
export class PulledFiles {
  readonly #options: PulledFilesOptions;
  /** By key of the download. */
  readonly #handedIn = new LRUCache<string, true>({ max: MAX_HANDED_IN, ttl: HANDED_IN_MS });

  constructor(options: PulledFilesOptions) {
    this.#options = options;
  }

  /** The file as it can be served; nothing is fetched before it is started or opened. */
  served(wanted: PulledFile): ServedFile {
    const { entry } = wanted;
    const digest = digestOf(wanted);
    const file: ServedFile = {
      cache: 'miss',
      version: entry.version,
      etag: digest === null ? `unknown:${sha256Of(Buffer.from(entry.url))}` : digestText(digest),
      // What has no digest has to be fetched to be known, and so its size is not told before.
      size: digest === null ? null : entry.size,
      start: async (signal) => (digest === null ? this.#found(wanted, file, signal) : following(file, await this.#open(wanted, signal))),
      open: async (range, signal) => (await this.#open(wanted, signal)).stream({ start: range?.start ?? 0, signal }),
    };
    return file;
  }

  /** A file without any digest is named by what it was found to be: none of its bytes are served before all of them are there. */
  async #found(wanted: PulledFile, file: ServedFile, signal: AbortSignal | undefined): Promise<ServedFile> {
    const { sha256, size } = await this.withFile(wanted, signal, async (found) => Promise.resolve(found));
    return { ...file, etag: `sha256:${sha256}`, size };
  }

  /**
   * Fetches the whole file, or joins who does, and runs `work` with it, verified and protected from eviction.
   * @throws ProxyError as `Downloads.open`; `integrity`; `aborted`; `internal` when the spool does not keep the file.
   */
  async withFile<T>(wanted: PulledFile, signal: AbortSignal | undefined, work: (file: SpooledFile) => Promise<T>): Promise<T> {
    const { key } = this.#request(wanted);
    for (let tries = 0; tries < TRIES; tries += 1) {
      await whole(await this.#open(wanted, signal), signal);
      const result = await this.#options.downloads.withFile(key, async (file) => ({ value: await work(file) }));
      if (result !== null) {
        return result.value;
      }
    }
    throw new ProxyError('internal', `${wanted.entry.filename}: the spool is too small to keep it; raise SPOOL_MAX_BYTES`);
  }

  /**
   * Hands in a file that is stored already, for the worker to write down what upstream says now. Never throws.
   * @param file `hashes`: those that upstream announces, none where it lists the file no more.
   */
  async handInStored(file: JobFile): Promise<void> {
    await this.#enqueue(jobOf(file));
  }

  async #open(wanted: PulledFile, signal: AbortSignal | undefined): Promise<Download> {
    const handIn = async (file: SpooledFile): Promise<void> => this.#handIn(wanted, file);
    const download = await this.#options.downloads.open({ ...this.#request(wanted), onVerified: handIn }, signal);
    // What has lain in the spool for a while is not stored yet: its job may be lost.
    void download.finished.then(handIn, () => undefined);
    return download;
  }

  #request(wanted: PulledFile): DownloadRequest {
    const { upstream, name, entry } = wanted;
    const digest = digestOf(wanted);
    return {
      key: downloadKey(upstream.id, { name, filename: entry.filename, digest }),
      expected: expectedContent(digest, entry.size),
      sources: [upstreamSource({ upstream: upstream.http, url: entry.url })],
      subject: `file ${entry.filename} of Python project ${name}`,
    };
  }

  /** A lost job is handed in again when the file is asked for again: it must not fail a read. */
  async #handIn({ upstream, name, entry: { filename, hashes } }: PulledFile, { sha256 }: SpooledFile): Promise<void> {
    const job = jobOf({ upstream, name, filename, hashes, sha256 });
    const key = JSON.stringify(job);
    if (this.#handedIn.has(key)) {
      return;
    }
    this.#handedIn.set(key, true);
    if (!(await this.#enqueue(job))) {
      this.#handedIn.set(key, true, { ttl: REFUSED_MS });
    }
  }

  /** @returns whether the queue took it. */
  async #enqueue(job: ReturnType<typeof jobOf>): Promise<boolean> {
    const { queue, holderId, logger, onEnqueued } = this.#options;
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

/** What nobody announced a digest of is stored as what it was found to be. */
function jobOf({ upstream, name, filename, hashes, sha256 }: JobFile): Pick<IngestJob, 'package' | 'file' | 'digest'> {
  const announced = announcedDigest(hashes);
  return { package: jobPackage(upstream.id, name), file: filename, digest: announced === null ? `sha256:${sha256}` : digestText(announced) };
}

/** Names a download on every replica. @param file `digest`: the one that is announced, null where none is. */
export function downloadKey(upstream: string, { name, filename, digest }: { readonly name: string; readonly filename: string; readonly digest: AnnouncedDigest | null }): string {
  return `${ECOSYSTEM}/${upstream}/${name}/${filename}/${digest === null ? 'unknown' : digestText(digest)}`;
}

/** How a job names a project of an upstream. @param name normalized: has no slash. */
export function jobPackage(upstream: string, name: string): string {
  return upstream === DEFAULT ? name : `${upstream}/${name}`;
}

function following(file: ServedFile, download: Download): ServedFile {
  return { ...file, size: download.size, open: async (range, signal) => Promise.resolve(download.stream({ start: range?.start ?? 0, signal })) };
}

function digestOf({ entry, stored }: PulledFile): AnnouncedDigest | null {
  return stored === undefined ? announcedDigest(entry.hashes) : { algorithm: 'sha256', hex: stored };
}

/** A download without a reader is given up when it is big, so this one reads: its last byte where the size is known, else all. */
async function whole(download: Download, signal: AbortSignal | undefined): Promise<void> {
  const stream = download.stream({ start: Math.max(0, (download.size ?? 1) - 1), ...(signal === undefined ? {} : { signal }) });
  const aborted = new Promise<never>((_resolve, reject) => {
    stream.once('close', () => {
      if (signal?.aborted === true) {
        reject(new ProxyError('aborted', 'The file is not waited for any more.', { cause: signal.reason }));
      }
    });
  });
  stream.on('error', () => undefined);
  stream.resume();
  try {
    await Promise.race([download.finished, aborted]);
  } finally {
    stream.destroy();
  }
}
