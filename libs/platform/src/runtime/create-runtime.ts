import { createAccess } from '@oci-package-proxy/access';
import type { PackageLocator } from '@oci-package-proxy/housekeeping';
import { EmittingIngestQueue, type PeerSource, WithHolders } from '@oci-package-proxy/ingest';
import { Ledger } from '@oci-package-proxy/storage';
import { peerSource, SharedDownloads } from '@oci-package-proxy/upstream';

import { lookAtProduct } from '../config/registry-product.ts';
import type { HealthCheck } from '../health/health-checks.ts';
import { markOld } from '../logging/exchange.ts';
import type { Logger } from '../logging/logger.ts';
import { Metrics } from '../metrics/metrics.ts';
import type { AppConfig } from './app-config.ts';
import { createIngestTransport, type IngestTransport } from './ingest-transport.ts';
import { registryPassThrough } from './registry-pass-through.ts';
import type { Runtime } from './runtime.ts';
import { createStorageAccess } from './storage-access.ts';
import { UpstreamAccesses } from './upstream-access.ts';

/** So long after the last list of them tokens count while storage cannot be asked: one that was revoked just before it went away ends then. */
const TOKENS_OUTAGE_MS = 15 * 60_000;

/** A {@link Runtime} with what only its owner may touch. */
export interface OwnedRuntime extends Runtime {
  readonly transport: IngestTransport;
  readonly peer: PeerSource;
  /** Says where packages lie, to whom rights are passed through. */
  locate(locator: PackageLocator): void;
  /** Storage is required at start; without the queue, and later without storage, the process still serves. */
  readonly checks: readonly HealthCheck[];
  /** Ends everything in the reverse order of its making. */
  close(): Promise<void>;
}

/** Makes what the ecosystems of a process share. No answer of the network is waited for yet. */
export async function createRuntime(config: AppConfig, logger: Logger): Promise<OwnedRuntime> {
  const metrics = new Metrics();
  const storage = createStorageAccess(config, { logger, metrics });
  const { registry } = storage;
  const transport = createIngestTransport(config, { logger, isOutage: (error) => storage.isOutage(error) });
  const { bus, holders } = transport;
  const ledger = new Ledger({
    registry,
    logger,
    // What is old of our own records marks no answer: it is not in it.
    onOld: (ref, asOf) => (ref.ecosystem === 'system' ? undefined : markOld(asOf)),
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
  const passThrough = registryPassThrough(config, registry);
  const { access, tokens, close: closeAccess } = await createAccess({
    usersFile: config.usersFile,
    adminToken: config.adminToken,
    anonymousRead: config.anonymousRead,
    rules: config.file.access,
    passThrough,
    ledger: {
      fold: (ref, call) => ledger.fold(ref, { ...call, outageMs: TOKENS_OUTAGE_MS }),
      record: (ref, changes, call) => ledger.record(ref, changes, call),
      invalidate: (ref) => ledger.invalidate(ref),
      refreshSnapshot: (ref, call) => ledger.refreshSnapshot(ref, call),
    },
    logger,
  });
  const upstreams = new UpstreamAccesses(config, logger, metrics);
  const product = config.admin ? null : lookAtProduct(config, logger);
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
      ...storage.checks,
      { name: 'queue', required: false, run: () => transport.check() },
    ],
    locate: (locator) => passThrough?.locate(locator),
    upstreamAt: (url, ecosystem) => upstreams.at(url, ecosystem),
    close: async () => {
      unsubscribe();
      closeAccess();
      await passThrough?.close();
      await shared.close();
      await upstreams.close();
      await transport.close();
      await product?.close();
      await storage.close();
    },
  };
}
