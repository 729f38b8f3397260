import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';

import { ProxyError, toProxyError } from '@oci-package-proxy/errors';

import { abortedError } from '../abort.ts';
import type { Transfer } from './transfer.ts';

const CHUNK_BYTES = 64 * 1024;

/** How a {@link Follower} reads. */
export interface FollowerOptions {
  /** First byte. */
  readonly start: number;
  readonly subject: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a file while it grows, at its own pace, through a descriptor of its own; ends when the file is verified, is
 * destroyed when it fails. It buffers one chunk.
 */
export class Follower extends Readable {
  readonly #transfer: Transfer;
  readonly #options: FollowerOptions;
  #offset: number;
  #handle: FileHandle | null = null;
  #stopWaiting: (() => void) | null = null;
  readonly #stopWatching: () => void;
  readonly #onAbort = (): void => void this.destroy(abortedError(this.#options.subject, this.#options.signal));

  constructor(transfer: Transfer, options: FollowerOptions) {
    super({ highWaterMark: CHUNK_BYTES });
    this.#transfer = transfer;
    this.#options = options;
    this.#offset = options.start;
    this.#stopWatching = transfer.onFailure((error) => this.destroy(error));
    // It may fail before whoever asked for it listens, and an error that nobody hears of would end the process.
    this.on('error', () => undefined);
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (options.signal?.aborted === true) {
      this.#onAbort();
    }
  }

  override _read(): void {
    this.#step().catch((error: unknown) => this.destroy(toProxyError(error, `reading the ${this.#options.subject} from the spool`)));
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#stopWatching();
    this.#stopWaiting?.();
    const handle = this.#handle;
    this.#handle = null;
    if (handle === null) {
      done(error);
      return;
    }
    handle.close().then(
      () => done(error),
      () => done(error),
    );
  }

  /** Pushes one chunk or the end, waiting for it if need be. */
  async #step(): Promise<void> {
    while (!this.destroyed) {
      const { error, readable, state, size } = this.#transfer;
      if (error !== null) {
        this.destroy(error);
        return;
      }
      if (size !== null && this.#offset > size) {
        this.destroy(new ProxyError('range-not-satisfiable', `The ${this.#options.subject} has only ${size} bytes.`));
        return;
      }
      if (this.#offset < readable) {
        await this.#pushChunk(readable);
        return;
      }
      if (state === 'verified') {
        this.push(null);
        return;
      }
      this.#transfer.tail?.letGo(this.#offset);
      await this.#change();
    }
  }

  async #pushChunk(limit: number): Promise<void> {
    const { tail } = this.#transfer;
    const fromTail = tail !== null && this.#offset >= tail.start;
    const chunk = fromTail ? tail.take(this.#offset, limit) : (this.#transfer.latest(this.#offset, limit) ?? (await this.#read(Math.min(limit, tail?.start ?? limit))));
    if (this.destroyed) {
      return;
    }
    if (chunk.length === 0) {
      throw new ProxyError('internal', `The ${this.#options.subject} is shorter in the spool than it was; somebody else removes files there.`);
    }
    this.#offset += chunk.length;
    this.push(chunk);
  }

  async #read(limit: number): Promise<Buffer> {
    const handle = await this.#opened();
    if (handle === null) {
      return Buffer.alloc(0);
    }
    const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, limit - this.#offset));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, this.#offset);
    return bytesRead === buffer.length ? buffer : buffer.subarray(0, bytesRead);
  }

  async #opened(): Promise<FileHandle | null> {
    if (this.#handle !== null) {
      return this.#handle;
    }
    const handle = await open(this.#transfer.path, 'r');
    if (this.destroyed) {
      await handle.close();
      return null;
    }
    this.#handle = handle;
    return handle;
  }

  async #change(): Promise<void> {
    const changed = Promise.withResolvers<void>();
    const takeBack = this.#transfer.onChange(changed.resolve);
    this.#stopWaiting = () => {
      takeBack();
      changed.resolve();
    };
    await changed.promise;
    this.#stopWaiting = null;
  }
}
