import type { Readable } from 'node:stream';

import { ProxyError } from '@oci-package-proxy/errors';

import { throwIfAborted, untilAborted } from '../abort.ts';
import { SILENT, type UpstreamLogger } from '../logger.ts';
import type { Download, DownloadRequest, Downloads, SpooledFile } from './download-port.ts';
import { Follower, type FollowerOptions } from './follower.ts';
import { type DownloadSettings, SharedDownload, type UnwatchedPolicy } from './shared-download.ts';
import { Spool, type SpoolEntry } from './spool.ts';
import type { Transfer } from './transfer.ts';

/** How {@link SharedDownloads} is made. */
export interface SharedDownloadsOptions {
  /** A directory per process is made below it; those of dead processes are removed. Not to be shared by containers. */
  readonly directory: string;
  /** Bytes of all files together. */
  readonly maxBytes: number;
  readonly logger?: UpstreamLogger;
  /** A source is given up after so many milliseconds without a byte; default 5000. */
  readonly stallMs?: number;
  /** When all sources broke off they are tried again after at random up to so many milliseconds; default 500. */
  readonly roundPauseMs?: number;
  /** Told of every file that is no longer there. Must not throw. */
  readonly onEvicted?: (key: string) => void;
  /** Told of every download whose bytes were not what they must be. Must not throw. */
  readonly onWrongBytes?: (key: string) => void;
  /** What becomes of a download that nobody waits for; default: finished below 256 MiB, else stopped after 30 s. */
  readonly unwatched?: Partial<UnwatchedPolicy>;
}

/** Between `open` and the first `stream` a file must not go; nobody needs longer than this for it. */
const LEASE_MS = 5_000;

/** One fetch for everybody who waits, spooled to disk while it is served, verified before its end is. DESIGN §4, "Read, missed". */
export class SharedDownloads implements Downloads {
  readonly #spool: Spool;
  readonly #settings: DownloadSettings;
  readonly #running = new Map<string, SharedDownload>();
  readonly #runs = new Map<SharedDownload, Promise<void>>();
  #closed = false;

  constructor(options: SharedDownloadsOptions) {
    const logger = options.logger ?? SILENT;
    this.#spool = new Spool({ directory: options.directory, maxBytes: options.maxBytes, logger, onEvicted: options.onEvicted });
    this.#settings = {
      spool: this.#spool,
      logger,
      stallMs: options.stallMs ?? 5_000,
      roundPauseMs: options.roundPauseMs ?? 500,
      onWrongBytes: options.onWrongBytes,
      unwatched: { finishBelowBytes: 256 * 2 ** 20, stopAfterMs: 30_000, ...options.unwatched },
    };
  }

  /** Makes the directory and removes leftovers; the first `open` does it too, but a start should fail early. */
  async prepare(): Promise<void> {
    await this.#spool.prepare();
  }

  async open(request: DownloadRequest, signal?: AbortSignal): Promise<Download> {
    throwIfAborted(signal, request.subject);
    const directory = await this.#spool.prepare();
    const taken = await this.#spool.take(request.key);
    if (taken !== null) {
      return new SpooledDownload(taken.entry, lease(taken.release));
    }
    const running = this.#running.get(request.key);
    if (running === undefined) {
      return this.#open(this.#start(request, directory), request, signal);
    }
    running.join(request);
    const download = await this.#open(running, request, signal);
    if (!running.exclusive) {
      return download;
    }
    // It goes past the spool, to whoever started it.
    download.leave();
    return this.#open(this.#start(request, directory, false), request, signal);
  }

  find(key: string): Download | null {
    const entry = this.#spool.get(key);
    if (entry !== null) {
      return new SpooledDownload(entry, () => undefined);
    }
    const running = this.#running.get(key);
    return running === undefined ? null : new RunningDownload(running, key, () => undefined);
  }

  async withFile<T>(key: string, work: (file: SpooledFile) => Promise<T>): Promise<T | null> {
    const taken = await this.#spool.take(key);
    if (taken === null) {
      return null;
    }
    try {
      return await work(taken.entry.file);
    } finally {
      taken.release();
    }
  }

  forget(key: string): void {
    this.#spool.forget(key);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const download of this.#runs.keys()) {
      download.stop(closing());
    }
    await Promise.all(this.#runs.values());
    await this.#spool.close();
  }

  async #open(running: SharedDownload, request: DownloadRequest, signal: AbortSignal | undefined): Promise<RunningDownload> {
    const release = running.transfer.hold();
    try {
      await untilAborted(running.opened, signal, request.subject);
    } catch (error) {
      release();
      throw error;
    }
    return new RunningDownload(running, request.subject, lease(release));
  }

  #start(request: DownloadRequest, directory: string, shared = true): SharedDownload {
    if (this.#closed) {
      throw closing();
    }
    const download: SharedDownload = new SharedDownload(request, {
      ...this.#settings,
      path: this.#spool.newPath(directory),
      onGone: () => this.#forget(request.key, download),
    });
    if (shared) {
      this.#running.set(request.key, download);
    }
    const run = download.run().finally(() => this.#runs.delete(download));
    this.#runs.set(download, run);
    return download;
  }

  /** A download that is over, or has become somebody's own, is found by nobody. */
  #forget(key: string, download: SharedDownload): void {
    if (this.#running.get(key) === download) {
      this.#running.delete(key);
    }
  }
}

type StreamOptions = NonNullable<Parameters<Download['stream']>[0]>;

class RunningDownload implements Download {
  readonly #download: SharedDownload;
  readonly #subject: string;
  readonly #release: () => void;

  constructor(download: SharedDownload, subject: string, release: () => void) {
    this.#download = download;
    this.#subject = subject;
    this.#release = release;
  }

  get size(): number | null {
    return this.#download.transfer.size;
  }

  get finished(): Promise<SpooledFile> {
    return this.#download.finished;
  }

  stream(options: StreamOptions = {}): Readable {
    const follower = this.#download.follow(followerOptions(options, this.#subject));
    this.#release();
    return follower;
  }

  /** It is not wanted. */
  leave(): void {
    this.#release();
  }
}

class SpooledDownload implements Download {
  readonly #entry: SpoolEntry;
  readonly #release: () => void;

  constructor(entry: SpoolEntry, release: () => void) {
    this.#entry = entry;
    this.#release = release;
  }

  get size(): number {
    return this.#entry.file.size;
  }

  get finished(): Promise<SpooledFile> {
    return Promise.resolve(this.#entry.file);
  }

  stream(options: StreamOptions = {}): Readable {
    const follower = follow(this.#entry.transfer, followerOptions(options, this.#entry.key));
    this.#release();
    return follower;
  }
}

function follow(transfer: Transfer, options: FollowerOptions): Follower {
  const follower = new Follower(transfer, options);
  follower.once('close', transfer.hold());
  return follower;
}

function followerOptions({ start, signal }: StreamOptions, subject: string): FollowerOptions {
  return { start: start ?? 0, signal, subject };
}

function lease(release: () => void): () => void {
  const timer = setTimeout(release, LEASE_MS);
  timer.unref();
  return () => {
    clearTimeout(timer);
    release();
  };
}

function closing(): ProxyError {
  return new ProxyError('aborted', 'The download was stopped: this process is ending.');
}
