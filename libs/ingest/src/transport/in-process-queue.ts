import { ProxyError } from '@oci-package-proxy/errors';

import { isPermanent, retryDelay, type RetryPolicy } from '../job/retry-policy.ts';
import type { Intake } from './intake.ts';
import type { JobFailure, QueueCounts } from './transport-options.ts';

interface QueuedJob {
  readonly id: string;
  readonly pattern: string;
  readonly data: unknown;
  attempt: number;
}

/** Who does the jobs of an {@link InProcessQueue}. */
export interface JobConsumer {
  readonly concurrency: number;
  readonly retry: RetryPolicy;
  readonly intake?: Intake;
  work(pattern: string, data: unknown, how: { readonly attempt: number; readonly signal: AbortSignal }): Promise<void>;
  failed(failure: JobFailure, data: unknown): void;
}

/** The jobs of one ecosystem, in memory: bounded, first in first out, no two with the same id. They are lost with the process. */
export class InProcessQueue {
  readonly #capacity: number;
  readonly #ids = new Set<string>();
  readonly #delayed = new Map<QueuedJob, NodeJS.Timeout>();
  readonly #running = new Map<QueuedJob, Promise<void>>();
  #waiting: QueuedJob[] = [];
  #abort = new AbortController();
  #consumer: JobConsumer | null = null;
  #failed = 0;

  /** @param capacity jobs that may wait, run or be delayed at the same time. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** @throws ProxyError `queue-unavailable` when it is full. */
  add(job: { readonly id: string; readonly pattern: string; readonly data: unknown }): void {
    if (this.#ids.has(job.id)) {
      return;
    }
    if (this.#ids.size >= this.#capacity) {
      throw new ProxyError('queue-unavailable', `ingest queue: full, ${this.#capacity} jobs wait`);
    }
    this.#ids.add(job.id);
    this.#waiting.push({ ...job, attempt: 0 });
    this.#fill();
  }

  /** Begins to work. */
  start(consumer: JobConsumer): void {
    this.#abort = new AbortController();
    this.#consumer = consumer;
    consumer.intake?.join({ pause: () => undefined, resume: () => this.#fill() });
    this.#fill();
  }

  /** Takes no more job, waits up to `drainMs` for the running ones, aborts them and waits `graceMs` more. */
  async stop(drainMs: number, graceMs: number): Promise<void> {
    this.#consumer = null;
    for (const [job, timer] of this.#delayed) {
      clearTimeout(timer);
      this.#waiting.push(job);
    }
    this.#delayed.clear();
    if (await this.#idle(drainMs)) {
      return;
    }
    this.#abort.abort(new ProxyError('aborted', 'ingest job: the process is shutting down'));
    await this.#idle(graceMs);
  }

  counts(): QueueCounts {
    return { waiting: this.#waiting.length, active: this.#running.size, delayed: this.#delayed.size, failed: this.#failed };
  }

  async #idle(withinMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, withinMs);
    });
    await Promise.race([Promise.all(this.#running.values()), late]);
    clearTimeout(timer);
    return this.#running.size === 0;
  }

  #fill(): void {
    while (this.#consumer !== null && this.#consumer.intake?.paused !== true && this.#running.size < this.#consumer.concurrency) {
      const job = this.#waiting.shift();
      if (job === undefined) {
        return;
      }
      this.#running.set(job, this.#run(job, this.#consumer));
    }
  }

  async #run(job: QueuedJob, consumer: JobConsumer): Promise<void> {
    job.attempt += 1;
    try {
      await consumer.work(job.pattern, job.data, { attempt: job.attempt, signal: this.#abort.signal });
      this.#ids.delete(job.id);
      consumer.intake?.done();
    } catch (error) {
      this.#fail(job, consumer, error);
    }
    this.#running.delete(job);
    this.#fill();
  }

  #fail(job: QueuedJob, consumer: JobConsumer, error: unknown): void {
    const waitMs = consumer.intake?.failed(error) ?? null;
    if (waitMs !== null) {
      job.attempt -= 1;
      this.#delay(job, waitMs);
      return;
    }
    const final = isPermanent(error) || job.attempt >= consumer.retry.attempts;
    if (final) {
      this.#failed += 1;
      this.#ids.delete(job.id);
    } else {
      this.#delay(job, retryDelay(consumer.retry, job.attempt, error));
    }
    consumer.failed({ pattern: job.pattern, error, attempt: job.attempt, final }, job.data);
  }

  #delay(job: QueuedJob, delayMs: number): void {
    if (this.#consumer === null) {
      this.#waiting.push(job);
      return;
    }
    const timer = setTimeout(() => {
      this.#delayed.delete(job);
      this.#waiting.push(job);
      this.#fill();
    }, delayMs);
    timer.unref();
    this.#delayed.set(job, timer);
  }
}
