import { ProxyError } from '@oci-package-proxy/errors';
import { HandIn, type HandInOptions, type JobSubject } from '@oci-package-proxy/ingest';
import { type Download, type DownloadRequest, type Downloads, type SpooledFile, upstreamSource, wholeDownload } from '@oci-package-proxy/upstream';

import type { PypiUpstream } from '../config/indexes.ts';
import { DEFAULT, ECOSYSTEM } from '../model/holdings.ts';
import type { UpstreamFile } from '../model/project-page.ts';
import { type AnnouncedDigest, announcedDigest, digestText, expectedContent } from './announced-digest.ts';
import type { ServedFile } from './read-port.ts';
import { sha256Of } from './upstream-metadata.ts';

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
export interface PulledFilesOptions extends Omit<HandInOptions, 'ecosystem'> {
  readonly downloads: Downloads;
}

/** Files that nobody here has yet: fetched once for all who want them, and handed in to be stored. DESIGN §4, "Read, missed". */
export class PulledFiles {
  readonly #downloads: Downloads;
  readonly #handIn: HandIn;

  constructor(options: PulledFilesOptions) {
    this.#downloads = options.downloads;
    this.#handIn = new HandIn({ ...options, ecosystem: ECOSYSTEM });
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
      await wholeDownload(await this.#open(wanted, signal), signal);
      const result = await this.#downloads.withFile(key, async (file) => ({ value: await work(file) }));
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
    await this.#handIn.now(jobOf(file));
  }

  async #open(wanted: PulledFile, signal: AbortSignal | undefined): Promise<Download> {
    const handIn = async ({ sha256 }: SpooledFile): Promise<void> => this.#handIn.once(jobOf({ ...wanted, ...wanted.entry, sha256 }));
    const download = await this.#downloads.open({ ...this.#request(wanted), onVerified: handIn }, signal);
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
}

/** What nobody announced a digest of is stored as what it was found to be. */
function jobOf({ upstream, name, filename, hashes, sha256 }: JobFile): JobSubject {
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
