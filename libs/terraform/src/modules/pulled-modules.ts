import { createHash } from 'node:crypto';

import { LRUCache } from 'lru-cache';

import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import type { IngestQueue } from '@oci-package-proxy/ingest';
import { type Download, type DownloadRequest, type Downloads, type SpooledFile, upstreamSource } from '@oci-package-proxy/upstream';

import type { TerraformUpstream } from '../config/hosts.ts';
import { ECOSYSTEM, type ModuleAddress, moduleRef, moduleText } from '../model/address.ts';
import type { ArchiveLocation } from './archive-location.ts';

/** A job that was handed in so long ago (ms), of a module that is still not stored, may be lost. */
const HANDED_IN_MS = 60_000;
/** How long (ms) a queue that did not take a job is left alone about it. */
const REFUSED_MS = 5_000;
const MAX_HANDED_IN = 20_000;
/** Between its verification and our hold on it a file may be evicted. */
const TRIES = 3;

/** A version of a module that is to be fetched. */
export interface PulledModule {
  readonly upstream: TerraformUpstream;
  readonly address: ModuleAddress;
  readonly version: string;
  readonly location: ArchiveLocation;
}

/** A module version that is to be stored, by the archive that upstream has of it. */
export interface JobModule {
  /** As `PackageRef.name`. */
  readonly package: string;
  readonly version: string;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** What {@link PulledModules} needs. */
export interface PulledModulesOptions {
  readonly downloads: Downloads;
  readonly queue: IngestQueue;
  /** This process, for whoever is to take a file from its spool. */
  readonly holderId: string;
  readonly logger: { warn(fields: Readonly<Record<string, unknown>>, message: string): void };
  /** Told of every job that was to be handed in. Must not throw. */
  readonly onEnqueued?: ((outcome: 'queued' | 'failed') => void) | undefined;
}

/** Archives of modules that nobody here has yet: fetched once for all who want them, and handed in to be stored once they were found good. */
export class PulledModules {
  readonly #options: PulledModulesOptions;
  /** By job. */
  readonly #handedIn = new LRUCache<string, true>({ max: MAX_HANDED_IN, ttl: HANDED_IN_MS });

  constructor(options: PulledModulesOptions) {
    this.#options = options;
  }

  /**
   * Fetches the archive as upstream has it, or joins who does, runs `work` with it, and hands it in to be stored where that did not fail.
   * @throws ProxyError as `Downloads.open`; `integrity`; `internal` when the spool does not keep the file; what `work` throws: a file that
   * it refuses as `integrity` is fetched anew the next time.
   */
  async withArchive<T>(wanted: PulledModule, work: (file: SpooledFile) => Promise<T>): Promise<T> {
    const request = downloadRequest(wanted);
    for (let tries = 0; tries < TRIES; tries += 1) {
      await whole(await this.#open(request));
      const done = await this.#withFile(request.key, async (file) => ({ value: await work(file), sha256: file.sha256 }));
      if (done !== null) {
        await this.#handIn({ package: moduleRef(wanted.address).name, version: wanted.version, sha256: done.sha256 });
        return done.value;
      }
    }
    throw new ProxyError('internal', `${request.subject}: the spool is too small to keep it; raise SPOOL_MAX_BYTES`);
  }

  /** Hands in a module that is stored already, for the worker to write down what upstream says now. Never throws. */
  async handInStored(module: JobModule): Promise<void> {
    await this.#enqueue(module);
  }

  /** That it is not where upstream says that it is, is no "not found": the version exists. */
  async #open(request: DownloadRequest): Promise<Download> {
    try {
      return await this.#options.downloads.open(request);
    } catch (error) {
      throw isProxyError(error, 'not-found')
        ? new ProxyError('upstream-unavailable', `The ${request.subject} is not where upstream says that it is. If only some may read it there, give its credential in CONFIG_FILE (upstreams).`, { cause: error })
        : error;
    }
  }

  async #withFile<T>(key: string, work: (file: SpooledFile) => Promise<T>): Promise<T | null> {
    const { downloads } = this.#options;
    try {
      return await downloads.withFile(key, work);
    } catch (error) {
      if (isProxyError(error, 'integrity')) {
        downloads.forget(key);
      }
      throw error;
    }
  }

  /** A lost job is handed in again when the module is asked for again: it must not fail a read. */
  async #handIn(module: JobModule): Promise<void> {
    const key = JSON.stringify(module);
    if (this.#handedIn.has(key)) {
      return;
    }
    this.#handedIn.set(key, true);
    if (!(await this.#enqueue(module))) {
      this.#handedIn.set(key, true, { ttl: REFUSED_MS });
    }
  }

  /** @returns whether the queue took it. */
  async #enqueue({ package: name, version, sha256 }: JobModule): Promise<boolean> {
    const { queue, holderId, logger, onEnqueued } = this.#options;
    const job = { package: name, file: version, digest: `sha256:${sha256}` };
    try {
      await queue.enqueue({ version: 1, ecosystem: ECOSYSTEM, ...job, holder: holderId, at: Date.now() });
      onEnqueued?.('queued');
      return true;
    } catch (err) {
      onEnqueued?.('failed');
      logger.warn({ ...job, err }, 'an ingest job could not be handed in; the module is stored when it is asked for again');
      return false;
    }
  }
}

/** What is fetched, by the same key on every replica: nobody announces a digest, but what is where upstream says that it is stays what it is. */
export function downloadRequest({ upstream, address, version, location }: PulledModule): DownloadRequest {
  const { url, headers, checksum, source } = location;
  const place = createHash('sha256').update(JSON.stringify([source, checksum])).digest('hex').slice(0, 32);
  return {
    key: `${ECOSYSTEM}/${moduleRef(address).name}/${version}/${place}`,
    expected: checksum,
    sources: [upstreamSource({ upstream: upstream.http, url, headers })],
    subject: `archive of module ${moduleText(address)} ${version}`,
  };
}

/** A download without a reader is given up when it is big, so this one reads: its last byte where the size is known, else all. */
async function whole(download: Download): Promise<void> {
  const stream = download.stream({ start: Math.max(0, (download.size ?? 1) - 1) });
  stream.on('error', () => undefined);
  stream.resume();
  try {
    await download.finished;
  } finally {
    stream.destroy();
  }
}
