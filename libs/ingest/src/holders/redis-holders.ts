import { createHash, randomUUID } from 'node:crypto';

import type { Redis } from 'ioredis';

import { withDeadline } from '../deadline.ts';
import type { Holders } from '../ingest-port.ts';
import type { IngestLogger } from '../logger.ts';
import { QuietLog } from '../redis/quiet-log.ts';
import { connectRedis } from '../redis/redis-connection.ts';
import { CLAIM, RELEASE_OWN, RENEW } from './lease-scripts.ts';

const LEASE_MS = 15_000;
const RENEW_MS = 5_000;
/** A command takes this long at most, in milliseconds: reads wait for some of them. */
const COMMAND_MS = 180;
/** After one that did not answer the next ones are not even asked for this long, in milliseconds. */
const PAUSE_MS = 2_000;
/** No job takes longer, with all its tries: a location that nobody removed ends then. */
const KEEP_MS = 30 * 60_000;
const RENEW_AT_ONCE = 200;

/** How {@link RedisHolders} are made. */
export interface RedisHoldersOptions {
  /** As `redisOptions` takes it. */
  readonly url: string;
  /** This process's `INTERNAL_URL`; null for one that keeps nothing for others. */
  readonly internalUrl: string | null;
  readonly logger: IngestLogger;
  /** Of the keys; default `oci-package-proxy`. */
  readonly prefix?: string;
  /** How long a lease lives without renewal, in milliseconds; default 15 000. Renewed at a third of it. */
  readonly leaseMs?: number;
}

/** {@link Holders} of a cluster: one key for each file and one for each process, in Redis, on a connection of its own. */
export class RedisHolders implements Holders {
  readonly id = randomUUID();
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #internalUrl: string | null;
  readonly #leaseMs: number;
  readonly #log: QuietLog;
  readonly #timer: NodeJS.Timeout;
  /** When each lease of ours ends for good, ms since the epoch; Infinity while the file is being fetched. */
  readonly #leases = new Map<string, number>();
  #pausedUntil = 0;

  constructor(options: RedisHoldersOptions) {
    this.#redis = connectRedis(options.url, 'commands', options.logger);
    this.#prefix = options.prefix ?? 'oci-package-proxy';
    this.#internalUrl = options.internalUrl;
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
    this.#log = new QuietLog(options.logger, 'holders: Redis does not take part; every process fetches for itself');
    this.#redis.on('ready', () => void this.#register());
    const renewMs = options.leaseMs === undefined ? RENEW_MS : options.leaseMs / 3;
    this.#timer = setInterval(() => void this.#renew(), renewMs);
    this.#timer.unref();
  }

  async claim(key: string): Promise<string | null> {
    const holder = await this.#ask((redis) => redis.eval(CLAIM, 1, this.#fileKey(key), this.id, this.#leaseMs));
    if (holder === undefined) {
      return null;
    }
    if (holder === this.id) {
      this.#leases.set(key, Number.POSITIVE_INFINITY);
      return null;
    }
    return String(holder);
  }

  async keep(key: string): Promise<void> {
    // Not put anew when it is gone: the job may be done already, and nobody would remove it again.
    if (this.#leases.has(key)) {
      this.#leases.set(key, Date.now() + KEEP_MS);
    }
  }

  async release(key: string): Promise<void> {
    if (this.#leases.delete(key)) {
      await this.#ask((redis) => redis.eval(RELEASE_OWN, 1, this.#fileKey(key), this.id));
    }
  }

  async stored(key: string): Promise<void> {
    this.#leases.delete(key);
    await this.#ask((redis) => redis.del(this.#fileKey(key)));
  }

  async holderOf(key: string): Promise<string | null> {
    return (await this.#ask((redis) => redis.get(this.#fileKey(key)))) ?? null;
  }

  async urlOf(holder: string): Promise<string | null> {
    const url = URL.parse((await this.#ask((redis) => redis.get(this.#processKey(holder)))) ?? '');
    // What lies in Redis is not trusted: only what can be an internal address is ever called.
    return url !== null && /^https?:$/.test(url.protocol) && url.username === '' ? url.href : null;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    const keys = [...this.#leases.keys()];
    this.#leases.clear();
    await this.#ask((redis) => redis.del(this.#processKey(this.id)));
    await this.#ask((redis) => redis.eval(RELEASE_OWN, keys.length, ...keys.map((key) => this.#fileKey(key)), this.id));
    this.#redis.disconnect();
  }

  async #register(): Promise<void> {
    const url = this.#internalUrl;
    if (url !== null) {
      await this.#ask((redis) => redis.set(this.#processKey(this.id), url, 'PX', 2 * this.#leaseMs));
    }
  }

  async #renew(): Promise<void> {
    await this.#register();
    const now = Date.now();
    for (const [key, endsAt] of this.#leases) {
      if (endsAt < now) {
        this.#leases.delete(key);
      }
    }
    const keys = [...this.#leases.keys()];
    for (let start = 0; start < keys.length; start += RENEW_AT_ONCE) {
      await this.#renewSome(keys.slice(start, start + RENEW_AT_ONCE));
    }
  }

  async #renewSome(keys: readonly string[]): Promise<void> {
    const lost = await this.#ask((redis) => redis.eval(RENEW, keys.length, ...keys.map((key) => this.#fileKey(key)), this.id, this.#leaseMs));
    for (const index of Array.isArray(lost) ? lost : []) {
      this.#leases.delete(keys[Number(index) - 1] ?? '');
    }
  }

  /** @returns undefined when Redis did not answer in time. Never throws. */
  async #ask<T>(command: (redis: Redis) => Promise<T>): Promise<T | undefined> {
    if (Date.now() < this.#pausedUntil || this.#redis.status !== 'ready') {
      return undefined;
    }
    try {
      return await withDeadline(command(this.#redis), COMMAND_MS, () => {
        throw new Error(`no answer within ${COMMAND_MS} ms`);
      });
    } catch (error) {
      this.#pausedUntil = Date.now() + PAUSE_MS;
      this.#log.warn(error);
      return undefined;
    }
  }

  /** Package names may be anything; keys have one length and no surprises. */
  #fileKey(key: string): string {
    return `${this.#prefix}:holder:${createHash('sha256').update(key).digest('hex')}`;
  }

  #processKey(id: string): string {
    return `${this.#prefix}:process:${id}`;
  }
}
