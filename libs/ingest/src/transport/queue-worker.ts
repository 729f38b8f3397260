import { isProxyError } from '@oci-package-proxy/errors';
import { DelayedError, type Job, Queue, UnrecoverableError, WaitingError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';

import { withDeadline } from '../deadline.ts';
import { isPermanent, retryDelay, type RetryPolicy } from '../job/retry-policy.ts';
import type { IngestLogger } from '../logger.ts';
import { QuietLog } from '../redis/quiet-log.ts';
import type { Intake } from './intake.ts';
import { ABORT_GRACE_MS, type JobFailure, type QueueCounts } from './transport-options.ts';

/** How a {@link QueueWorker} works. */
export interface QueueWorkerOptions {
  readonly connection: Redis;
  readonly prefix: string;
  readonly concurrency: number;
  readonly retry: RetryPolicy;
  /** A worker that is killed keeps its jobs for this long, in milliseconds. */
  readonly lockDurationMs: number;
  /** How often jobs without a lock are looked for, in milliseconds. */
  readonly stalledIntervalMs: number;
  /** A queue with waiting jobs of which none is taken for this long gets a new worker, in milliseconds. */
  readonly watchdogMs: number;
  readonly logger: IngestLogger;
  readonly intake: Intake;
  work(pattern: string, data: unknown, how: { readonly attempt: number; readonly signal: AbortSignal }): Promise<void>;
  failed(failure: JobFailure, data: unknown): void;
}

/** The number of jobs of a queue, by state. */
export async function countJobs(queue: Queue): Promise<QueueCounts> {
  const counts = await queue.getJobCounts('wait', 'prioritized', 'active', 'delayed', 'failed');
  return { waiting: (counts['wait'] ?? 0) + (counts['prioritized'] ?? 0), active: counts['active'] ?? 0, delayed: counts['delayed'] ?? 0, failed: counts['failed'] ?? 0 };
}

/** Does the jobs of one BullMQ queue, and sees to it that it goes on after Redis was away. */
export class QueueWorker {
  readonly #name: string;
  readonly #options: QueueWorkerOptions;
  readonly #log: QuietLog;
  readonly #queue: Queue;
  readonly #watchdog: NodeJS.Timeout;
  #worker: Worker;
  #running = 0;
  #closing = false;
  #movedAt = Date.now();

  constructor(name: string, options: QueueWorkerOptions) {
    this.#name = name;
    this.#options = options;
    this.#log = new QuietLog(options.logger, 'ingest queue: worker failed', { queue: name });
    this.#queue = new Queue(name, { connection: options.connection, prefix: options.prefix, skipVersionCheck: true });
    this.#queue.on('error', (error) => this.#log.warn(error));
    this.#worker = this.#startWorker();
    options.intake.join({ pause: () => this.#pause(), resume: () => this.#resume() });
    this.#watchdog = setInterval(() => void this.#watch(), Math.max(options.watchdogMs / 4, 50));
    this.#watchdog.unref();
  }

  /** Resolves when it takes jobs. */
  async ready(): Promise<void> {
    await this.#worker.waitUntilReady();
  }

  /** @throws Error when Redis does not answer. */
  async counts(): Promise<QueueCounts> {
    return countJobs(this.#queue);
  }

  /** Takes no more job, waits up to `drainMs` for the running ones, aborts them, and lets go after a little more. */
  async close(drainMs: number): Promise<void> {
    this.#closing = true;
    clearInterval(this.#watchdog);
    const worker = this.#worker;
    // Without Redis and jobs there is nothing to wait for, and a polite goodbye would wait for Redis.
    const force = this.#running === 0 && this.#options.connection.status !== 'ready';
    const closed = worker.close(force).then(() => true);
    if (!(await withDeadline(closed, drainMs, () => false))) {
      worker.cancelAllJobs('shutting down');
      if (!(await withDeadline(closed, ABORT_GRACE_MS, () => false))) {
        this.#options.logger.warn({ queue: this.#name, running: this.#running }, 'ingest queue: worker left with jobs running; another one takes them over');
      }
    }
    await this.#queue.close();
  }

  #startWorker(): Worker {
    const { connection, prefix, concurrency, retry, lockDurationMs, stalledIntervalMs } = this.#options;
    const worker = new Worker(this.#name, (job, token, signal) => this.#process(job, token, signal), {
      connection,
      prefix,
      concurrency,
      lockDuration: lockDurationMs,
      lockRenewTime: lockDurationMs / 3,
      stalledInterval: stalledIntervalMs,
      maxStalledCount: 3,
      runRetryDelay: 2_000,
      settings: { backoffStrategy: (attempt, _type, error) => backoff(retry, attempt, error) },
    });
    worker.on('error', (error) => this.#log.warn(error));
    worker.on('stalled', (jobId) => this.#options.logger.warn({ queue: this.#name, jobId }, 'ingest queue: a job lost its worker and is taken over'));
    worker.on('failed', (job, error) => this.#failed(job, error));
    return worker;
  }

  #pause(): void {
    this.#worker.pause(true).catch((error: unknown) => this.#log.warn(error));
  }

  #resume(): void {
    if (!this.#closing) {
      this.#movedAt = Date.now();
      void Promise.resolve(this.#worker.resume()).catch((error: unknown) => this.#log.warn(error));
    }
  }

  async #process(job: Job, token: string | undefined, signal: AbortSignal | undefined): Promise<void> {
    this.#movedAt = Date.now();
    if (this.#closing && token !== undefined) {
      // It was fetched while closing began: it goes back, so that nothing starts any more.
      await job.moveToWait(token);
      throw new WaitingError();
    }
    const { intake } = this.#options;
    if (intake.paused && token !== undefined) {
      await later(job, token, intake.leftMs());
    }
    this.#running += 1;
    try {
      await this.#options.work(job.name, job.data, { attempt: job.attemptsMade + 1, signal: signal ?? new AbortController().signal });
      intake.done();
    } catch (error) {
      const waitMs = token === undefined ? null : intake.failed(error);
      if (waitMs !== null && token !== undefined) {
        await later(job, token, waitMs);
      }
      throw isPermanent(error) ? unrecoverable(error) : asError(error);
    } finally {
      this.#running -= 1;
      this.#movedAt = Date.now();
    }
  }

  #failed(job: Job | undefined, error: Error): void {
    if (job === undefined) {
      this.#log.warn(error);
      return;
    }
    const failure = { pattern: job.name, error: originOf(error), attempt: job.attemptsMade, final: job.finishedOn !== undefined };
    this.#options.failed(failure, job.data);
  }

  /** BullMQ 6.7 resumes by itself after an outage; earlier ones did not, in ways that nobody noticed. */
  async #watch(): Promise<void> {
    if (this.#closing || this.#running > 0 || this.#options.intake.paused || this.#options.connection.status !== 'ready') {
      this.#movedAt = Date.now();
      return;
    }
    const waiting = await this.#waiting();
    if (waiting === 0) {
      this.#movedAt = Date.now();
    }
    if (this.#closing || Date.now() - this.#movedAt < this.#options.watchdogMs) {
      return;
    }
    this.#movedAt = Date.now();
    this.#options.logger.error({ queue: this.#name, waiting }, 'ingest queue: jobs wait and none is taken; starting a new worker');
    const stuck = this.#worker;
    this.#worker = this.#startWorker();
    await stuck.close(true).catch((error: unknown) => this.#log.warn(error));
  }

  /** Jobs that a worker ought to take. */
  async #waiting(): Promise<number> {
    try {
      const { waiting } = await this.counts();
      return waiting > 0 && (await this.#queue.isPaused()) ? 0 : waiting;
    } catch {
      return 0;
    }
  }
}

/** Tries the job again after `ms`; the try that it was taken for does not count. @throws DelayedError always, for BullMQ. */
async function later(job: Job, token: string, ms: number): Promise<never> {
  await job.moveToDelayed(Date.now() + ms, token);
  throw new DelayedError();
}

/** BullMQ takes -1 for "no more". */
function backoff(retry: RetryPolicy, attempt: number, error: Error | undefined): number {
  return attempt >= retry.attempts ? -1 : retryDelay(retry, attempt, error === undefined ? undefined : originOf(error));
}

function unrecoverable(error: unknown): UnrecoverableError {
  return Object.assign(new UnrecoverableError(asError(error).message), { cause: error });
}

/** What the handler failed with, from under BullMQ's own error. */
function originOf(error: Error): unknown {
  return error.name === 'UnrecoverableError' && isProxyError(error.cause) ? error.cause : error;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error('ingest job: failed without an error; is IngestErrorFilter in place?', { cause: error });
}
