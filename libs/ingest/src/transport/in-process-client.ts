import { ClientProxy, type ReadPacket } from '@nestjs/microservices';
import { ProxyError } from '@oci-package-proxy/errors';

import { targetOf } from '../job/pattern.ts';
import type { InProcessBroker } from './in-process-broker.ts';
import type { QueueCounts } from './transport-options.ts';

/** Hands jobs to an {@link InProcessBroker}. Use it through `EmittingIngestQueue`. */
export class InProcessClient extends ClientProxy {
  readonly #broker: InProcessBroker;

  constructor(broker: InProcessBroker) {
    super();
    this.#broker = broker;
  }

  override async connect(): Promise<void> {
    // There is nothing to connect to.
  }

  override async close(): Promise<void> {
    // The broker belongs to the server.
  }

  override unwrap<T>(): T {
    return this.#broker as T;
  }

  /** By ecosystem. */
  async counts(): Promise<ReadonlyMap<string, QueueCounts>> {
    return this.#broker.counts();
  }

  protected override publish(): () => void {
    throw new ProxyError('unsupported', 'ingest queue: jobs have no answer; use emit');
  }

  protected override async dispatchEvent<T = unknown>({ pattern, data }: ReadPacket): Promise<T> {
    // What is queued must not change when the sender's object does, just as over a wire.
    this.#broker.add(targetOf(pattern), String(pattern), structuredClone(data));
    return undefined as T;
  }
}
