import type { Redis } from 'ioredis';

import { withDeadline } from '../deadline.ts';
import type { ChangeBus, ChangeListener, PackageChange } from '../ingest-port.ts';
import type { IngestLogger } from '../logger.ts';
import { QuietLog } from '../redis/quiet-log.ts';
import { connectRedis } from '../redis/redis-connection.ts';
import { ChangeListeners } from './change-listeners.ts';
import { parseChange } from './package-change.ts';

const ANNOUNCE_MS = 700;

/** How a {@link RedisChangeBus} is made. */
export interface RedisChangeBusOptions {
  /** As `redisOptions` takes it. */
  readonly url: string;
  readonly logger: IngestLogger;
  /** Of the channel's name; default `oci-package-proxy`. */
  readonly prefix?: string;
  /** How often the subscription is asked whether it still lives, in milliseconds; default 5 000. */
  readonly heartbeatMs?: number;
}

/** The {@link ChangeBus} of a cluster: Redis publish/subscribe, on two connections of its own. */
export class RedisChangeBus implements ChangeBus {
  readonly #channel: string;
  readonly #publisher: Redis;
  readonly #subscriber: Redis;
  readonly #listeners: ChangeListeners;
  readonly #logger: IngestLogger;
  readonly #log: QuietLog;
  readonly #heartbeatMs: number;
  readonly #heartbeat: NodeJS.Timeout;
  #subscribed = false;

  constructor(options: RedisChangeBusOptions) {
    this.#logger = options.logger;
    this.#log = new QuietLog(options.logger, 'package.changed: Redis does not take part');
    this.#channel = `${options.prefix ?? 'oci-package-proxy'}:package.changed`;
    this.#listeners = new ChangeListeners(options.logger);
    this.#publisher = connectRedis(options.url, 'commands', options.logger);
    this.#subscriber = connectRedis(options.url, 'subscriber', options.logger);
    this.#subscriber.on('ready', () => void this.#join());
    this.#subscriber.on('close', () => this.#lost());
    this.#subscriber.on('message', (_channel, message) => this.#receive(message));
    this.#heartbeatMs = options.heartbeatMs ?? 5_000;
    this.#heartbeat = setInterval(() => void this.#beat(), this.#heartbeatMs);
    this.#heartbeat.unref();
  }

  /** Whether changes elsewhere are heard of now. */
  get connected(): boolean {
    return this.#subscribed;
  }

  async announce(change: PackageChange): Promise<void> {
    const { ecosystem, package: name, repository } = change;
    try {
      const message = JSON.stringify({ ecosystem, package: name, repository });
      await withDeadline(this.#publisher.publish(this.#channel, message), ANNOUNCE_MS, () => {
        throw new Error(`no answer within ${ANNOUNCE_MS} ms`);
      });
    } catch (error) {
      this.#log.warn(error);
    }
  }

  subscribe(listener: ChangeListener): () => void {
    const leave = this.#listeners.add(listener);
    if (!this.#subscribed) {
      listener.connection(false);
    }
    return leave;
  }

  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#listeners.clear();
    this.#publisher.disconnect();
    this.#subscriber.disconnect();
  }

  async #join(): Promise<void> {
    try {
      await this.#subscriber.subscribe(this.#channel);
    } catch (error) {
      this.#log.warn(error);
      this.#subscriber.disconnect(true);
      return;
    }
    if (!this.#subscribed && this.#subscriber.status === 'ready') {
      this.#subscribed = true;
      this.#listeners.connection(true);
    }
  }

  #lost(): void {
    if (this.#subscribed) {
      this.#subscribed = false;
      this.#listeners.connection(false);
    }
  }

  #receive(message: string): void {
    const change = parseChange(message);
    if (change === null) {
      this.#logger.debug({ bytes: message.length }, 'package.changed: a message that is none was ignored');
      return;
    }
    this.#listeners.changed(change);
  }

  /** A peer that vanished without a word leaves a connection that looks alive and hears nothing. */
  async #beat(): Promise<void> {
    if (!this.#subscribed) {
      return;
    }
    try {
      await withDeadline<unknown>(this.#subscriber.ping(), this.#heartbeatMs / 2, () => {
        throw new Error('no answer to a ping');
      });
    } catch (error) {
      this.#log.warn(error);
      this.#lost();
      this.#subscriber.disconnect(true);
    }
  }
}
