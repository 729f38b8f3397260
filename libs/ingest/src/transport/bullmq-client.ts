import { ClientProxy, type ReadPacket } from '@nestjs/microservices';
import { ProxyError } from '@oci-package-proxy/errors';
import { type JobsOptions, Queue } from 'bullmq';
import type { Redis } from 'ioredis';

import { withDeadline } from '../deadline.ts';
import { jobIdentity } from '../job/job-message.ts';
import { queueName, targetOf } from '../job/pattern.ts';
import { DEFAULT_RETRY } from '../job/retry-policy.ts';
import type { IngestLogger } from '../logger.ts';
import { QuietLog } from '../redis/quiet-log.ts';
import { connected, connectRedis } from '../redis/redis-connection.ts';
import { countJobs } from './queue-worker.ts';
import type { QueueCounts } from './transport-options.ts';

/** Of BullMQ's keys in Redis. */
export const DEFAULT_PREFIX = 'bull';

// Our workers compute it themselves, because it also honours `Retry-After`.
const BACKOFF = 'ingest';

/** How long the first job of a process waits for the connection, in milliseconds. */
const CONNECT_MS = 1_000;
const ADD_MS = 1_500;

const JOB_OPTIONS: JobsOptions = {
  // The most that a worker may make of its own retry policy.
  attempts: DEFAULT_RETRY.attempts,
  backoff: { type: BACKOFF },
  removeOnComplete: { age: 3_600, count: 1_000 },
  removeOnFail: { age: 7 * 24 * 3_600, count: 5_000 },
  // Redis is no place for stack traces; the worker logs them.
  stackTraceLimit: 0,
};

/** How a {@link BullMqClient} is made. */
export interface BullMqClientOptions {
  /** As `redisOptions` takes it. */
  readonly url: string;
  readonly logger: IngestLogger;
  /** Default `bull`. */
  readonly prefix?: string;
}

/** Hands jobs to BullMQ queues, one for each ecosystem. Rejects at once while Redis is away. Use it through `EmittingIngestQueue`. */
export class BullMqClient extends ClientProxy {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #queues = new Map<string, Queue>();
  readonly #log: QuietLog;
  /** Until the first attempt to connect succeeded or failed. */
  #young = true;

  constructor(options: BullMqClientOptions) {
    super();
    this.#redis = connectRedis(options.url, 'producer', options.logger);
    this.#prefix = options.prefix ?? DEFAULT_PREFIX;
    this.#log = new QuietLog(options.logger, 'ingest queue: producer failed');
    this.#redis.on('ready', () => this.#became('connected'));
    this.#redis.on('close', () => this.#became('disconnected'));
  }

  /** @throws ProxyError `queue-unavailable` when Redis is not there; at once, but for the first second of the process. */
  override async connect(): Promise<void> {
    const here = this.#young ? await connected(this.#redis, CONNECT_MS) : this.#redis.status === 'ready';
    if (!here) {
      throw new ProxyError('queue-unavailable', 'ingest queue: Redis is not connected');
    }
  }

  override async close(): Promise<void> {
    // Queues over a connection of ours leave it alone, so closing them needs no answer from Redis.
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
    this.#redis.disconnect();
  }

  override unwrap<T>(): T {
    return this.#redis as T;
  }

  /**
   * Of `ecosystems`.
   * @throws ProxyError `queue-unavailable` when Redis does not answer within 1.5 s.
   */
  async counts(ecosystems: readonly string[]): Promise<ReadonlyMap<string, QueueCounts>> {
    const counts = new Map<string, QueueCounts>();
    for (const ecosystem of ecosystems) {
      counts.set(ecosystem, await this.#within(() => countJobs(this.#queue(ecosystem))));
    }
    return counts;
  }

  protected override publish(): () => void {
    throw new ProxyError('unsupported', 'ingest queue: jobs have no answer; use emit');
  }

  protected override async dispatchEvent<T = unknown>({ pattern, data }: ReadPacket): Promise<T> {
    const queue = this.#queue(targetOf(pattern));
    const deduplication = { id: jobIdentity(data) };
    await this.#within(() => queue.add(String(pattern), data, { ...JOB_OPTIONS, deduplication }));
    return undefined as T;
  }

  #became(status: 'connected' | 'disconnected'): void {
    this.#young = false;
    this._status$.next(status);
  }

  async #within<T>(work: () => Promise<T>): Promise<T> {
    // A queue over a connection that was never there waits for it for ever.
    if (this.#redis.status !== 'ready') {
      throw new ProxyError('queue-unavailable', 'ingest queue: Redis is not connected');
    }
    try {
      return await withDeadline(work(), ADD_MS, () => {
        throw new ProxyError('queue-unavailable', `ingest queue: Redis did not answer within ${ADD_MS} ms`);
      });
    } catch (error) {
      throw error instanceof ProxyError ? error : new ProxyError('queue-unavailable', 'ingest queue: Redis did not take the command', { cause: error });
    }
  }

  #queue(ecosystem: string): Queue {
    let queue = this.#queues.get(ecosystem);
    if (queue === undefined) {
      // The version check reads INFO once, and a queue whose check failed would stay broken.
      queue = new Queue(queueName(ecosystem), { connection: this.#redis, prefix: this.#prefix, skipVersionCheck: true });
      queue.on('error', (error) => this.#log.warn(error));
      this.#queues.set(ecosystem, queue);
    }
    return queue;
  }
}
