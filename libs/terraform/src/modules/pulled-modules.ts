import { createHash } from 'node:crypto';

import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import { HandIn, type HandInOptions, type JobSubject } from '@oci-package-proxy/ingest';
import { type Download, type DownloadRequest, type Downloads, type SpooledFile, upstreamSource, wholeDownload } from '@oci-package-proxy/upstream';

import type { TerraformUpstream } from '../config/hosts.ts';
import { ECOSYSTEM, type ModuleAddress, moduleRef, moduleText } from '../model/address.ts';
import type { ArchiveLocation } from './archive-location.ts';

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
export interface PulledModulesOptions extends Omit<HandInOptions, 'ecosystem'> {
  readonly downloads: Downloads;
}

/** Archives of modules that nobody here has yet: fetched once for all who want them, and handed in to be stored once they were found good. */
export class PulledModules {
  readonly #downloads: Downloads;
  readonly #handIn: HandIn;

  constructor(options: PulledModulesOptions) {
    this.#downloads = options.downloads;
    this.#handIn = new HandIn({ ...options, ecosystem: ECOSYSTEM });
  }

  /**
   * Fetches the archive as upstream has it, or joins who does, runs `work` with it, and hands it in to be stored where that did not fail.
   * @throws ProxyError as `Downloads.open`; `integrity`; `internal` when the spool does not keep the file; what `work` throws: a file that
   * it refuses as `integrity` is fetched anew the next time.
   */
  async withArchive<T>(wanted: PulledModule, work: (file: SpooledFile) => Promise<T>): Promise<T> {
    const request = downloadRequest(wanted);
    for (let tries = 0; tries < TRIES; tries += 1) {
      await wholeDownload(await this.#open(request));
      const done = await this.#withFile(request.key, async (file) => ({ value: await work(file), sha256: file.sha256 }));
      if (done !== null) {
        await this.#handIn.once(jobOf({ package: moduleRef(wanted.address).name, version: wanted.version, sha256: done.sha256 }));
        return done.value;
      }
    }
    throw new ProxyError('internal', `${request.subject}: the spool is too small to keep it; raise SPOOL_MAX_BYTES`);
  }

  /** Hands in a module that is stored already, for the worker to write down what upstream says now. Never throws. */
  async handInStored(module: JobModule): Promise<void> {
    await this.#handIn.now(jobOf(module));
  }

  /** That it is not where upstream says that it is, is no "not found": the version exists. */
  async #open(request: DownloadRequest): Promise<Download> {
    try {
      return await this.#downloads.open(request);
    } catch (error) {
      throw isProxyError(error, 'not-found')
        ? new ProxyError('upstream-unavailable', `The ${request.subject} is not where upstream says that it is. If only some may read it there, give its credential in CONFIG_FILE (upstreams).`, { cause: error })
        : error;
    }
  }

  async #withFile<T>(key: string, work: (file: SpooledFile) => Promise<T>): Promise<T | null> {
    try {
      return await this.#downloads.withFile(key, work);
    } catch (error) {
      if (isProxyError(error, 'integrity')) {
        this.#downloads.forget(key);
      }
      throw error;
    }
  }
}

function jobOf({ package: name, version, sha256 }: JobModule): JobSubject {
  return { package: name, file: version, digest: `sha256:${sha256}` };
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
