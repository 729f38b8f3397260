import type { IngestLogger } from '../logger.ts';

/** What an {@link Intake} needs. Times in milliseconds. */
export interface IntakeOptions {
  /** Whether a job failed for want of something that every job needs, so that the job cannot help it. */
  readonly isOutage: (error: unknown) => boolean;
  readonly logger: IngestLogger;
  /** The first pause, doubled for each one after it up to `longestMs`; default 1 000. */
  readonly firstMs?: number;
  /** Default 5 000: so long after the end of an outage everything goes on. */
  readonly longestMs?: number;
}

/** Who takes jobs. */
export interface JobTaker {
  pause(): void;
  resume(): void;
}

/**
 * Whether the queues of a process take jobs. While storage is away or takes no writes, every job would fail, use up its tries and be lost
 * just when they were over: such a failure does not count as a try, nobody takes jobs for some seconds, and then a few find out whether it is
 * over. What is wrong is logged once, not for each job.
 */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #takers = new Set<JobTaker>();
  #pause: { readonly timer: NodeJS.Timeout; readonly until: number } | null = null;
  #waitMs = 0;
  #closed = false;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** Whether nobody is to take jobs now. */
  get paused(): boolean {
    return this.#pause !== null;
  }

  /** Tells `taker` from now on. */
  join(taker: JobTaker): void {
    this.#takers.add(taker);
    if (this.paused) {
      taker.pause();
    }
  }

  /** A job failed. @returns in how many milliseconds it is to be tried again without counting this try; null: by its own retries. */
  failed(error: unknown): number | null {
    const { isOutage, logger, firstMs = 1_000, longestMs = 5_000 } = this.#options;
    if (this.#closed || !isOutage(error)) {
      return null;
    }
    if (this.#waitMs === 0) {
      logger.warn({ err: error }, 'ingest queue: jobs wait, as storage takes nothing; none of them is lost');
    }
    if (this.#pause === null) {
      this.#waitMs = Math.min(longestMs, this.#waitMs === 0 ? firstMs : this.#waitMs * 2);
      this.#begin(this.#waitMs);
    }
    // Not all in the same moment.
    return this.leftMs() + Math.round(Math.random() * firstMs);
  }

  /** A job was done: whatever was wrong is over. */
  done(): void {
    if (this.#waitMs > 0) {
      this.#waitMs = 0;
      this.#options.logger.info({}, 'ingest queue: storage takes files again');
      this.#end();
    }
  }

  /** How long nobody takes jobs, in milliseconds. */
  leftMs(): number {
    return this.#pause === null ? 0 : Math.max(0, this.#pause.until - Date.now());
  }

  /** Resumes nobody any more. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#pause?.timer);
    this.#takers.clear();
  }

  #begin(ms: number): void {
    const timer = setTimeout(() => this.#end(), ms);
    timer.unref();
    this.#pause = { timer, until: Date.now() + ms };
    for (const taker of this.#takers) {
      taker.pause();
    }
  }

  #end(): void {
    if (this.#pause === null) {
      return;
    }
    clearTimeout(this.#pause.timer);
    this.#pause = null;
    for (const taker of this.#takers) {
      taker.resume();
    }
  }
}
