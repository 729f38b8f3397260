import { LRUCache } from 'lru-cache';

import type { IngestJob, IngestQueue } from './ingest-port.ts';

/** A job that was handed in so long ago (ms), of a file that is still asked for from the spool, may be lost. */
const HANDED_IN_MS = 60_000;
/** How long (ms) a queue that did not take a job is left alone about it. */
const REFUSED_MS = 5_000;
const MAX_HANDED_IN = 20_000;

/** What a job is about. */
export type JobSubject = Pick<IngestJob, 'package' | 'file' | 'digest'>;

/** What {@link HandIn} needs. */
export interface HandInOptions {
  readonly ecosystem: string;
  readonly queue: IngestQueue;
  /** This process, for whoever is to take a file from its spool. */
  readonly holderId: string;
  readonly logger: { warn(fields: Readonly<Record<string, unknown>>, message: string): void };
  /** Told of every job that was to be handed in. Must not throw. */
  readonly onEnqueued?: ((outcome: 'queued' | 'failed') => void) | undefined;
  /** Milliseconds that only grow; default: the machine's. */
  readonly clock?: (() => number) | undefined;
}

/** Hands in files that were fetched, to be stored. No read fails for it. DESIGN §4, "Read, missed". */
export class HandIn {
  readonly #options: HandInOptions;
  readonly #handedIn: LRUCache<string, true>;

  constructor(options: HandInOptions) {
    this.#options = options;
    const perf = { now: options.clock ?? (() => performance.now()) };
    this.#handedIn = new LRUCache({ max: MAX_HANDED_IN, ttl: HANDED_IN_MS, ttlResolution: 0, perf });
  }

  /** Hands a file in, once a minute at most, however often it is asked for: the job may be lost. Never throws. */
  async once(subject: JobSubject): Promise<void> {
    const key = JSON.stringify([subject.package, subject.file, subject.digest]);
    if (this.#handedIn.has(key)) {
      return;
    }
    this.#handedIn.set(key, true);
    if (!(await this.now(subject))) {
      this.#handedIn.set(key, true, { ttl: REFUSED_MS });
    }
  }

  /** Hands a file in. Never throws. @returns whether the queue took it. */
  async now({ package: name, file, digest }: JobSubject): Promise<boolean> {
    const { ecosystem, queue, holderId, logger, onEnqueued } = this.#options;
    try {
      await queue.enqueue({ version: 1, ecosystem, package: name, file, digest, holder: holderId, at: Date.now() });
      onEnqueued?.('queued');
      return true;
    } catch (err) {
      onEnqueued?.('failed');
      logger.warn({ package: name, file, digest, err }, 'an ingest job could not be handed in; the file is stored when it is asked for again');
      return false;
    }
  }
}
