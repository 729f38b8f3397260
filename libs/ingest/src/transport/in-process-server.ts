import { type CustomTransportStrategy, Server } from '@nestjs/microservices';

import { DEFAULT_RETRY } from '../job/retry-policy.ts';
import { deliver, handledEcosystems } from './delivery.ts';
import { reportFailure } from './failure-report.ts';
import type { InProcessBroker } from './in-process-broker.ts';
import { IngestContext } from './ingest-context.ts';
import { Intake } from './intake.ts';
import { ABORT_GRACE_MS, DEFAULT_CONCURRENCY, DEFAULT_DRAIN_MS, type IngestServerOptions, type QueueCounts } from './transport-options.ts';

/** The ingest transport of a process that has everything in it. Jobs that still wait when it ends are lost: such files are fetched again. */
export class InProcessServer extends Server implements CustomTransportStrategy {
  // The base class's own delivery drops failures; ours waits for them.
  override readonly propagatesEventHandlerErrors = true;
  readonly #broker: InProcessBroker;
  readonly #options: IngestServerOptions;
  #intake: Intake | null = null;
  #taken: readonly string[] = [];

  constructor(broker: InProcessBroker, options: IngestServerOptions) {
    super();
    this.#broker = broker;
    this.#options = options;
  }

  override listen(callback: (error?: unknown) => void): void {
    try {
      this.#taken = handledEcosystems(this.messageHandlers, this.#options.ecosystems);
    } catch (error) {
      callback(error);
      return;
    }
    const intake = new Intake({ logger: this.#options.logger, isOutage: this.#options.isOutage ?? (() => false) });
    this.#intake = intake;
    for (const ecosystem of this.#taken) {
      this.#broker.queue(ecosystem).start({
        concurrency: this.#options.concurrency ?? DEFAULT_CONCURRENCY,
        retry: this.#options.retry ?? DEFAULT_RETRY,
        intake,
        work: async (pattern, data, { attempt, signal }) => deliver(this.getHandlerByPattern(pattern), data, new IngestContext([pattern, attempt, signal])),
        failed: (failure, data) => reportFailure(this.#options, failure, data),
      });
    }
    callback();
  }

  override async close(): Promise<void> {
    this.#intake?.close();
    const drainMs = this.#options.drainMs ?? DEFAULT_DRAIN_MS;
    await Promise.all(this.#taken.map((ecosystem) => this.#broker.queue(ecosystem).stop(drainMs, ABORT_GRACE_MS)));
  }

  /** There are no events. */
  override on(): void {
    // Nothing to listen to: an in-process transport cannot lose its connection.
  }

  override unwrap<T>(): T {
    return this.#broker as T;
  }

  /** By ecosystem. */
  async counts(): Promise<ReadonlyMap<string, QueueCounts>> {
    return this.#broker.counts();
  }
}
