import type { ProxyError } from '@oci-package-proxy/errors';
import { HELD_BACK_BYTES } from '@oci-package-proxy/oci';

import type { Tail } from './tail.ts';

/** `verified`: all bytes are there and right. `failed`: there will be no more. */
export type TransferState = 'growing' | 'verified' | 'failed';

/**
 * What a file's writer tells its readers: how far they may read, and when that changes. The last 64 KiB, of a file without
 * a strong digest everything, may be read when the digest is right.
 */
export class Transfer {
  readonly path: string;
  readonly strong: boolean;
  /** Bytes of the whole file, as soon as they are known. */
  size: number | null;
  /** What follows in memory what is in the file, when the spool is full. */
  tail: Tail | null = null;
  /** Called when nobody holds it any more. */
  onIdle: (() => void) | null = null;
  // What was written last: those who are up to date get it from here, all of them the same, and not from the disk.
  #latest: Buffer | null = null;
  #received = 0;
  #state: TransferState = 'growing';
  #error: ProxyError | null = null;
  #holds = 0;
  readonly #waiting = new Set<() => void>();
  readonly #readers = new Set<(error: ProxyError) => void>();

  constructor(options: { readonly path: string; readonly strong: boolean; readonly size: number | null }) {
    this.path = options.path;
    this.strong = options.strong;
    this.size = options.size;
  }

  get received(): number {
    return this.#received;
  }

  get state(): TransferState {
    return this.#state;
  }

  /** Why it failed, or null. */
  get error(): ProxyError | null {
    return this.#error;
  }

  /** How many bytes from the start may be read now. */
  get readable(): number {
    if (this.#state === 'verified') {
      return this.#received;
    }
    if (!this.strong) {
      return 0;
    }
    const end = this.size === null ? this.#received : this.size;
    return Math.max(0, Math.min(this.#received, end - HELD_BACK_BYTES));
  }

  /** Whether somebody reads it, or is about to. */
  get held(): boolean {
    return this.#holds > 0;
  }

  /** Keeps it from being stopped or evicted until the returned function is called; calling that again does nothing. */
  hold(): () => void {
    let held = true;
    this.#holds += 1;
    return () => {
      if (!held) {
        return;
      }
      held = false;
      this.#holds -= 1;
      if (this.#holds === 0) {
        this.onIdle?.();
      }
    };
  }

  /** `chunk` is there as well. */
  grew(chunk: Buffer): void {
    this.#received += chunk.length;
    this.#latest = chunk;
    this.#changed();
  }

  /** The bytes from `offset` on, before `limit`, if they are among those that came last; else null. Nobody may change them. */
  latest(offset: number, limit: number): Buffer | null {
    const chunk = this.#latest;
    const begin = this.#received - (chunk?.length ?? 0);
    if (chunk === null || offset < begin || offset >= limit) {
      return null;
    }
    return chunk.subarray(offset - begin, limit - begin);
  }

  /** All bytes are there and right. */
  verified(): void {
    this.#state = 'verified';
    this.size = this.#received;
    this.#latest = null;
    this.#changed();
  }

  /** Ends every reader with `error`. */
  fail(error: ProxyError): void {
    if (this.#state !== 'growing') {
      return;
    }
    this.#state = 'failed';
    this.#error = error;
    for (const reader of [...this.#readers]) {
      reader(error);
    }
  }

  /** Calls `reader` when it fails, also one that is not waiting for bytes. @returns what takes it back. */
  onFailure(reader: (error: ProxyError) => void): () => void {
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  }

  /** Calls `listener` at the next change, once. @returns what takes it back. */
  onChange(listener: () => void): () => void {
    this.#waiting.add(listener);
    return () => this.#waiting.delete(listener);
  }

  #changed(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const listener of waiting) {
      listener();
    }
  }
}
