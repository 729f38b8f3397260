import type { ClientProxy, CustomTransportStrategy } from '@nestjs/microservices';

import {
  BullMqClient,
  BullMqServer,
  type ChangeBus,
  checkRedis,
  type Holders,
  InProcessBroker,
  InProcessChangeBus,
  InProcessClient,
  InProcessHolders,
  InProcessServer,
  RedisChangeBus,
  RedisHolders,
  type QueueCounts,
} from '@oci-package-proxy/ingest';

import type { PlatformConfig } from '../config/platform-config.ts';
import type { Logger } from '../logging/logger.ts';

/** How the processes of an installation, or the parts of one process, reach each other. */
export interface IngestTransport {
  readonly client: ClientProxy;
  readonly bus: ChangeBus;
  readonly holders: Holders;
  /** The strategy that takes the jobs of `config.ecosystems`, for a process that works on them. */
  server(): CustomTransportStrategy;
  /** Jobs of these ecosystems. @throws ProxyError `queue-unavailable`. */
  counts(ecosystems: readonly string[]): Promise<ReadonlyMap<string, QueueCounts>>;
  /** Resolves while the queue server answers. @throws ProxyError `queue-unavailable`. */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** What {@link createIngestTransport} needs. */
export interface IngestTransportParts {
  readonly logger: Logger;
  /** As of the servers: whether a job failed for want of storage altogether. */
  readonly isOutage: (error: unknown) => boolean;
}

/** The transport over Redis where `QUEUE_URL` is set, else the one within this process. */
export function createIngestTransport(config: PlatformConfig, parts: IngestTransportParts): IngestTransport {
  return config.queueUrl === null ? inProcess(config, parts) : overRedis(config, { url: config.queueUrl, ...parts });
}

function inProcess(config: PlatformConfig, { logger, isOutage }: IngestTransportParts): IngestTransport {
  const broker = new InProcessBroker();
  const bus = new InProcessChangeBus(logger);
  const holders = new InProcessHolders();
  return {
    client: new InProcessClient(broker),
    bus,
    holders,
    server: () => new InProcessServer(broker, { ecosystems: config.ecosystems, logger, isOutage }),
    counts: async () => Promise.resolve(broker.counts()),
    check: async () => Promise.resolve(),
    close: async () => {
      await bus.close();
      await holders.close();
    },
  };
}

function overRedis(config: PlatformConfig, { isOutage, ...redis }: IngestTransportParts & { readonly url: string }): IngestTransport {
  const client = new BullMqClient(redis);
  const bus = new RedisChangeBus(redis);
  const holders = new RedisHolders({ ...redis, internalUrl: internalUrlOf(config) });
  return {
    client,
    bus,
    holders,
    server: () => new BullMqServer({ ...redis, ecosystems: config.ecosystems, isOutage }),
    counts: async (ecosystems) => client.counts(ecosystems),
    check: async () => checkRedis(client.unwrap(), redis.logger),
    close: async () => {
      await client.close();
      await bus.close();
      await holders.close();
    },
  };
}

function internalUrlOf({ internal }: PlatformConfig): string | null {
  if (internal.url !== null || internal.port === null) {
    return internal.url;
  }
  return `http://${internal.host.includes(':') ? `[${internal.host}]` : internal.host}:${internal.port}`;
}
