import { ProxyError, toProxyError } from '@oci-package-proxy/errors';

import { untilAborted } from '../abort.ts';
import type { UpstreamLogger } from '../logger.ts';
import { isStrong } from './digests.ts';
import type { DownloadRequest, SpooledFile } from './download-port.ts';
import { fill } from './filling.ts';
import { Follower, type FollowerOptions } from './follower.ts';
import type { Spool } from './spool.ts';
import { spoolFull, SpoolWriter } from './spool-writer.ts';
import { Transfer } from './transfer.ts';

/** What becomes of a download that nobody waits for. */
export interface UnwatchedPolicy {
  /** One of at most so many bytes is finished, … */
  readonly finishBelowBytes: number;
  /** … any other is stopped after so many milliseconds. */
  readonly stopAfterMs: number;
}

/** What all downloads of a process share; times in milliseconds. */
export interface DownloadSettings {
  readonly spool: Spool;
  readonly logger: UpstreamLogger;
  readonly stallMs: number;
  readonly roundPauseMs: number;
  readonly unwatched: UnwatchedPolicy;
  readonly onWrongBytes: ((key: string) => void) | undefined;
}

/** How a {@link SharedDownload} is made. */
export interface SharedDownloadOptions extends DownloadSettings {
  readonly path: string;
  /** Called when nobody else may join it any more: it is over, or has become somebody's own. */
  readonly onGone: () => void;
}

/** One fetch of one file, for any number of readers. */
export class SharedDownload {
  readonly #request: DownloadRequest;
  readonly #settings: SharedDownloadOptions;
  readonly #abort = new AbortController();
  readonly #opened = Promise.withResolvers<void>();
  readonly #finished = Promise.withResolvers<SpooledFile>();
  readonly #writer: SpoolWriter;
  readonly #followers = new Set<Follower>();
  readonly transfer: Transfer;
  #onVerified: DownloadRequest['onVerified'];
  #stopping: NodeJS.Timeout | undefined;
  #exclusive = false;

  constructor(request: DownloadRequest, settings: SharedDownloadOptions) {
    this.#request = request;
    this.#settings = settings;
    this.#onVerified = request.onVerified;
    this.transfer = new Transfer({ path: settings.path, strong: isStrong(request.expected), size: request.expected.size ?? null });
    this.transfer.onIdle = () => this.#unwatched();
    this.#writer = new SpoolWriter({
      spool: settings.spool,
      transfer: this.transfer,
      expected: request.expected,
      subject: request.subject,
      signal: this.#abort.signal,
      onOpened: () => this.#opened.resolve(),
      onOverflow: () => this.#overflowed(),
    });
    this.#opened.promise.catch(() => undefined);
    this.#finished.promise.catch(() => undefined);
  }

  /** Settles when the first source answered, or none does. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  get finished(): Promise<SpooledFile> {
    return this.#finished.promise;
  }

  /** Whether it goes past the spool, to one reader. */
  get exclusive(): boolean {
    return this.#exclusive;
  }

  /** Somebody else wants the same file. */
  join(request: DownloadRequest): void {
    this.#onVerified ??= request.onVerified;
  }

  /** Stops it. */
  stop(reason: ProxyError): void {
    this.#abort.abort(reason);
  }

  /** A new reader. */
  follow(options: FollowerOptions): Follower {
    clearTimeout(this.#stopping);
    const release = this.transfer.hold();
    const follower = new Follower(this.transfer, options);
    if (this.#exclusive && this.#followers.size > 0) {
      follower.destroy(spoolFull(this.#request.subject));
    } else {
      this.#followers.add(follower);
    }
    follower.once('close', () => {
      // One that had to go past the spool is over with its only reader.
      if (!this.#exclusive) {
        this.#followers.delete(follower);
      }
      release();
    });
    return follower;
  }

  /** Fetches, checks, keeps. Never rejects. */
  async run(): Promise<void> {
    const { subject, key } = this.#request;
    try {
      const { stallMs, roundPauseMs, logger } = this.#settings;
      await fill(this.#writer, this.#request.sources, { stallMs, roundPauseMs, subject, signal: this.#abort.signal, logger });
      const content = await this.#writer.finish();
      if (this.#exclusive) {
        this.transfer.verified();
        await this.#drained();
        await this.#writer.discard();
        return;
      }
      const file: SpooledFile = { path: this.transfer.path, ...content };
      this.#settings.spool.add({ key, file, transfer: this.transfer });
      this.#settings.onGone();
      this.transfer.verified();
      await this.#verified(file);
      this.#finished.resolve(file);
    } catch (error) {
      const failure = this.#failureOf(error);
      this.#report(failure);
      this.#settings.onGone();
      // Before its readers hear of it: whoever comes again finds the room that it had.
      const discarded = this.#writer.discard();
      this.transfer.fail(failure);
      this.#opened.reject(failure);
      this.#finished.reject(failure);
      await discarded;
    } finally {
      clearTimeout(this.#stopping);
    }
  }

  async #verified(file: SpooledFile): Promise<void> {
    try {
      await untilAborted(Promise.resolve(this.#onVerified?.(file)), this.#abort.signal, this.#request.subject);
    } catch (error) {
      this.#settings.logger.error({ key: this.#request.key, error }, 'a verified file could not be handed on');
    }
  }

  #report(failure: ProxyError): void {
    const { key } = this.#request;
    const { logger, onWrongBytes } = this.#settings;
    if (failure.code === 'integrity') {
      logger.error({ key, code: failure.code, error: failure }, 'a download had wrong bytes');
      onWrongBytes?.(key);
      return;
    }
    logger.warn({ key, code: failure.code, error: failure }, 'a download failed');
  }

  #failureOf(error: unknown): ProxyError {
    const reason: unknown = this.#abort.signal.reason;
    return reason instanceof ProxyError ? reason : toProxyError(error, `fetching the ${this.#request.subject}`);
  }

  #overflowed(): void {
    this.#exclusive = true;
    this.#settings.onGone();
    this.#settings.logger.warn({ key: this.#request.key, size: this.transfer.size }, 'a file does not fit into the spool and goes to one reader only');
    this.#finished.reject(spoolFull(this.#request.subject));
    const [, ...others] = this.#followers;
    for (const other of others) {
      other.destroy(spoolFull(this.#request.subject));
    }
    if (!this.transfer.held) {
      this.#unwatched();
    }
  }

  /** The file must stay until its only reader is through. */
  async #drained(): Promise<void> {
    const [follower] = this.#followers;
    if (follower === undefined || follower.closed) {
      return;
    }
    const { signal } = this.#abort;
    await new Promise<void>((resolve) => {
      follower.once('close', resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  #unwatched(): void {
    if (this.transfer.state !== 'growing') {
      return;
    }
    if (this.#exclusive) {
      this.stop(new ProxyError('aborted', `The ${this.#request.subject}: its only reader left`));
      return;
    }
    clearTimeout(this.#stopping);
    this.#stopping = setTimeout(() => this.#stopIfBig(), this.#settings.unwatched.stopAfterMs);
    this.#stopping.unref();
  }

  #stopIfBig(): void {
    const { size, held } = this.transfer;
    if (held || (size !== null && size < this.#settings.unwatched.finishBelowBytes)) {
      return;
    }
    this.stop(new ProxyError('aborted', `The ${this.#request.subject}: nobody waits for it any more`));
  }
}
