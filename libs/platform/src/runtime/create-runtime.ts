import { createAccess } from '@oci-package-proxy/access';
import { EmittingIngestQueue, type PeerSource, WithHolders } from '@oci-package-proxy/ingest';
import { Ledger } from '@oci-package-proxy/storage';
import { peerSource, SharedDownloads } from '@oci-package-proxy/upstream';

import { registryFromConfig } from '../config/registry-from-config.ts';
import type { HealthCheck } from '../health/health-checks.ts';
import type { Logger } from '../logging/logger.ts';
import { Metrics } from '../metrics/metrics.ts';
import { withMetrics } from '../metrics/with-metrics.ts';
import type { AppConfig } from './app-config.ts';
import { createIngestTransport, type IngestTransport } from './ingest-transport.ts';
import type { Runtime } from './runtime.ts';
import { UpstreamAccesses } from './upstream-access.ts';

/** A {@link Runtime} with what only its owner may touch. */
export interface OwnedRuntime extends Runtime {
  readonly transport: IngestTransport;
  readonly peer: PeerSource;
  /** Storage is required; without the queue the process still serves. */
  readonly checks: readonly HealthCheck[];
  /** Ends everything in the reverse order of its making. */
  close(): Promise<void>;
}

/** Makes what the ecosystems of a process share. Nothing is asked of the network yet. */
export async function createRuntime(config: AppConfig, logger: Logger): Promise<OwnedRuntime> {
  const metrics = new Metrics();
  const registry = withMetrics(registryFromConfig(config, logger), metrics);
  const transport = createIngestTransport(config, logger);
  const { bus, holders } = transport;
  const ledger = new Ledger({
    registry,
    logger,
    changes: { changed: (ref) => bus.announce({ ecosystem: ref.ecosystem, package: ref.name, repository: ref.repository }) },
  });
  const unsubscribe = bus.subscribe({
    changed: (change) => ledger.invalidate(change),
    connection: (connected) => ledger.invalidateAll({ connected }),
  });
  const peer: PeerSource = async (holder, key) => {
    const url = await holders.urlOf(holder);
    return url === null ? null : peerSource({ fetchUrl: url, key, secret: config.secretKey, holder });
  };
  const shared = new SharedDownloads({
    directory: config.spoolDir,
    maxBytes: config.spoolMaxBytes,
    logger,
    onEvicted: (key) => void holders.release(key),
    // Keys begin with the ecosystem.
    onWrongBytes: (key) => metrics.integrityFailures.inc({ ecosystem: key.slice(0, key.indexOf('/')), source: 'upstream' }),
  });
  if (!config.admin) {
    // A spool that cannot be written must show now, not at the first download.
    await shared.prepare();
  }
  const { access, tokens, close: closeAccess } = await createAccess({
    usersFile: config.usersFile,
    adminToken: config.adminToken,
    anonymousRead: config.anonymousRead,
    rules: config.file.access,
    ledger,
    logger,
  });
  const upstreams = new UpstreamAccesses(config, logger, metrics);
  return {
    config,
    logger,
    metrics,
    registry,
    transport,
    peer,
    ledger,
    access,
    tokens,
    bus,
    holders,
    downloads: new WithHolders(shared, holders, peer),
    queue: new EmittingIngestQueue(transport.client),
    checks: [
      { name: 'storage', required: true, run: (signal) => registry.check({ signal }) },
      { name: 'queue', required: false, run: () => transport.check() },
    ],
    upstreamAt: (url, ecosystem) => upstreams.at(url, ecosystem),
    close: async () => {
      unsubscribe();
      closeAccess();
      await shared.close();
      await upstreams.close();
      await transport.close();
      await registry.close();
    },
  };
}
