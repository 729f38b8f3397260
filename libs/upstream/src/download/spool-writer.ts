import { type FileHandle, open } from 'node:fs/promises';

import { ProxyError } from '@oci-package-proxy/errors';
import type { ExpectedContent } from '@oci-package-proxy/oci';

import { untilAborted } from '../abort.ts';
import { checkContent, type Content, Digests, wrongContent } from './digests.ts';
import type { Sink } from './filling.ts';
import type { Spool } from './spool.ts';
import { Tail } from './tail.ts';
import type { Transfer } from './transfer.ts';

const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
const STEP_BYTES = 1024 * 1024;

/** How a {@link SpoolWriter} is made. */
export interface SpoolWriterOptions {
  readonly spool: Spool;
  readonly transfer: Transfer;
  readonly expected: ExpectedContent;
  readonly subject: string;
  readonly signal: AbortSignal;
  /** A source answered, and whether the file goes to the spool or past it is settled as far as it can be. */
  readonly onOpened: () => void;
  /** The spool has no room for this file: it goes to one reader. */
  readonly onOverflow: () => void;
}

/** The only writer of a file: hashes what comes and puts it into the spool, or past it when that is full. */
export class SpoolWriter implements Sink {
  readonly #options: SpoolWriterOptions;
  readonly #transfer: Transfer;
  readonly #digests = new Digests();
  #handle: FileHandle | null = null;
  #reserved = 0;

  constructor(options: SpoolWriterOptions) {
    this.#options = options;
    this.#transfer = options.transfer;
  }

  get received(): number {
    return this.#transfer.received;
  }

  get size(): number | null {
    return this.#transfer.size;
  }

  opened(size: number | null): void {
    this.#transfer.size ??= size;
    if (this.#transfer.tail === null && !this.#hasRoom(this.#transfer.size ?? 0)) {
      this.#overflow();
    }
    this.#options.onOpened();
  }

  async write(chunk: Buffer): Promise<void> {
    const total = this.received + chunk.length;
    if (this.size !== null && total > this.size) {
      throw wrongContent(this.#options.subject, `more than ${this.size} bytes`);
    }
    this.#digests.update(chunk);
    if (this.#transfer.tail === null && !(await this.#stored(chunk))) {
      this.#overflow();
    }
    const room = this.#transfer.tail?.push(chunk);
    this.#transfer.grew(chunk);
    if (room !== undefined) {
      await untilAborted(room, this.#options.signal, this.#options.subject);
    }
  }

  /**
   * Checks everything that came.
   * @throws ProxyError `integrity`.
   */
  async finish(): Promise<Content> {
    const content = this.#digests.finish();
    checkContent(content, { size: this.size ?? undefined, ...this.#options.expected }, this.#options.subject);
    if (this.#handle === null && this.#transfer.tail === null) {
      this.#handle = await open(this.#transfer.path, 'w');
    }
    await this.#close();
    if (this.#transfer.tail === null) {
      this.#options.spool.release(this.#reserved - content.size);
      this.#reserved = content.size;
    }
    return content;
  }

  /** Lets go of its room, at once, and of the file. */
  async discard(): Promise<void> {
    this.#options.spool.release(this.#reserved);
    this.#reserved = 0;
    await this.#close().catch(() => undefined);
    await this.#options.spool.remove(this.#transfer.path);
  }

  async #stored(chunk: Buffer): Promise<boolean> {
    if (!this.#hasRoom(this.received + chunk.length)) {
      return false;
    }
    for (;;) {
      try {
        this.#handle ??= await open(this.#transfer.path, 'w');
        await writeAll(this.#handle, chunk, this.received);
        return true;
      } catch (error) {
        if (!FULL.has((error as NodeJS.ErrnoException).code ?? '')) {
          throw new ProxyError('internal', `The ${this.#options.subject} could not be written to the spool; look at its directory and disk`, { cause: error });
        }
        if (!this.#options.spool.relieve()) {
          return false;
        }
      }
    }
  }

  #hasRoom(bytes: number): boolean {
    const missing = bytes - this.#reserved;
    if (missing <= 0) {
      return true;
    }
    // Step by step where the size is not known; the step itself is no reason to send a small file past the spool.
    for (const more of this.size === null ? [Math.max(missing, STEP_BYTES), missing] : [missing]) {
      if (this.#options.spool.reserve(more)) {
        this.#reserved += more;
        return true;
      }
    }
    return false;
  }

  #overflow(): void {
    if (!this.#transfer.strong) {
      throw spoolFull(this.#options.subject);
    }
    this.#transfer.tail = new Tail(this.received);
    this.#options.onOverflow();
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close();
  }
}

/** The error of those for whom a file that does not fit into the spool cannot be had. */
export function spoolFull(subject: string): ProxyError {
  return new ProxyError('upstream-unavailable', `The ${subject} does not fit into the spool now; come back, or raise its size (SPOOL_MAX_BYTES)`, { retryAfterMs: 5_000 });
}

async function writeAll(handle: FileHandle, chunk: Buffer, position: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesWritten } = await handle.write(chunk, done, chunk.length - done, position + done);
    done += bytesWritten;
  }
}
