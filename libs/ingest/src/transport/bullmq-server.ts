import { type CustomTransportStrategy, Server } from '@nestjs/microservices';
import { toProxyError } from '@oci-package-proxy/errors';
import type { Redis } from 'ioredis';

import { withDeadline } from '../deadline.ts';
import { queueName } from '../job/pattern.ts';
import { DEFAULT_RETRY } from '../job/retry-policy.ts';
import { connectRedis } from '../redis/redis-connection.ts';
import { DEFAULT_PREFIX } from './bullmq-client.ts';
import { deliver, handledEcosystems } from './delivery.ts';
import { reportFailure } from './failure-report.ts';
import { IngestContext } from './ingest-context.ts';
import { Intake } from './intake.ts';
import { QueueWorker } from './queue-worker.ts';
import { DEFAULT_CONCURRENCY, DEFAULT_DRAIN_MS, type IngestServerOptions, type QueueCounts } from './transport-options.ts';

/** With the next one: a killed worker's job is taken over within a minute, and an event loop may be blocked for half of one. */
const LOCK_DURATION_MS = 45_000;
const STALLED_INTERVAL_MS = 5_000;
const WATCHDOG_MS = 120_000;
const COUNTS_MS = 1_500;
const READY_MS = 5_000;

/** How a {@link BullMqServer} is made. */
export interface BullMqServerOptions extends IngestServerOptions {
  /** As `redisOptions` takes it. */
  readonly url: string;
  /** Default `bull`. */
  readonly prefix?: string;
  /** How long a killed worker keeps its jobs, in milliseconds; default 45 000. */
  readonly lockDurationMs?: number;
  /** How often jobs of killed workers are looked for, in milliseconds; default 5 000. */
  readonly stalledIntervalMs?: number;
  /** After how long of waiting jobs and no work a worker is replaced, in milliseconds; default 120 000. */
  readonly watchdogMs?: number;
}

/**
 * The ingest transport over BullMQ: one queue for each ecosystem that has a handler. Works on connections of its own, and
 * waits for Redis as long as it takes.
 */
export class BullMqServer extends Server<Record<string, () => void>, 'connected' | 'disconnected'> implements CustomTransportStrategy {
  // The base class's own delivery drops failures; ours waits for them.
  override readonly propagatesEventHandlerErrors = true;
  readonly #options: BullMqServerOptions;
  readonly #workers = new Map<string, QueueWorker>();
  readonly #intake: Intake;
  #redis: Redis | null = null;

  constructor(options: BullMqServerOptions) {
    super();
    this.#options = options;
    this.#intake = new Intake({ logger: options.logger, isOutage: options.isOutage ?? (() => false) });
  }

  override listen(callback: (error?: unknown) => void): void {
    this.#start().then(
      () => callback(),
      (error: unknown) => callback(toProxyError(error, 'ingest queue')),
    );
  }

  override async close(): Promise<void> {
    this.#intake.close();
    const drainMs = this.#options.drainMs ?? DEFAULT_DRAIN_MS;
    await Promise.all([...this.#workers.values()].map((worker) => worker.close(drainMs)));
    this.#workers.clear();
    this.#redis?.disconnect();
    this.#redis = null;
  }

  /** Listens to the connection's events, as ioredis names them. */
  override on(event: string, callback: () => void): void {
    this.#redis?.on(event, callback);
  }

  override unwrap<T>(): T {
    return this.#redis as T;
  }

  /**
   * Of the ecosystems that it takes; empty while Redis does not answer.
   */
  async counts(): Promise<ReadonlyMap<string, QueueCounts>> {
    const counts = new Map<string, QueueCounts>();
    for (const [ecosystem, worker] of this.#workers) {
      // The connection would keep the command until Redis is back.
      const answer = this.#redis?.status === 'ready' ? await withDeadline<QueueCounts | null>(worker.counts(), COUNTS_MS, () => null).catch(() => null) : null;
      if (answer !== null) {
        counts.set(ecosystem, answer);
      }
    }
    return counts;
  }

  async #start(): Promise<void> {
    const ecosystems = handledEcosystems(this.messageHandlers, this.#options.ecosystems);
    const redis = connectRedis(this.#options.url, 'worker', this.#options.logger);
    this.#redis = redis;
    redis.on('ready', () => this._status$.next('connected'));
    redis.on('close', () => this._status$.next('disconnected'));
    for (const ecosystem of ecosystems) {
      this.#workers.set(ecosystem, this.#worker(ecosystem, redis));
    }
    // Without Redis the process starts all the same, says in its health that it has none, and works when it comes.
    const ready = Promise.all([...this.#workers.values()].map((worker) => worker.ready()));
    await withDeadline<unknown>(ready, READY_MS, () => undefined);
  }

  #worker(ecosystem: string, connection: Redis): QueueWorker {
    const { prefix, concurrency, retry, lockDurationMs, stalledIntervalMs, watchdogMs, logger } = this.#options;
    return new QueueWorker(queueName(ecosystem), {
      connection,
      prefix: prefix ?? DEFAULT_PREFIX,
      concurrency: concurrency ?? DEFAULT_CONCURRENCY,
      retry: retry ?? DEFAULT_RETRY,
      lockDurationMs: lockDurationMs ?? LOCK_DURATION_MS,
      stalledIntervalMs: stalledIntervalMs ?? STALLED_INTERVAL_MS,
      watchdogMs: watchdogMs ?? WATCHDOG_MS,
      logger,
      intake: this.#intake,
      work: async (pattern, data, { attempt, signal }) => deliver(this.getHandlerByPattern(pattern), data, new IngestContext([pattern, attempt, signal])),
      failed: (failure, data) => reportFailure(this.#options, failure, data),
    });
  }
}
