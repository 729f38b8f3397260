import type { Access, Tokens } from '@oci-package-proxy/access';
import type { ChangeBus, Holders, IngestQueue } from '@oci-package-proxy/ingest';
import type { Registry } from '@oci-package-proxy/oci';
import type { LedgerPort } from '@oci-package-proxy/storage';
import type { Downloads, Upstream, UpstreamDocuments } from '@oci-package-proxy/upstream';

import type { PlatformConfig } from '../config/platform-config.ts';
import type { Logger } from '../logging/logger.ts';
import type { Metrics } from '../metrics/metrics.ts';

/** One upstream, as an ecosystem reaches it. */
export interface UpstreamAccess {
  readonly upstream: Upstream;
  readonly documents: UpstreamDocuments;
}

/** What every ecosystem of a process shares. */
export interface Runtime {
  readonly config: PlatformConfig;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly ledger: LedgerPort;
  /** The store below the ledger: only for reading what others put there. */
  readonly registry: Registry;
  readonly access: Access;
  readonly tokens: Tokens;
  /** One fetch for everybody who waits, in this process and, with a queue server, in all of them. */
  readonly downloads: Downloads;
  readonly queue: IngestQueue;
  readonly holders: Holders;
  readonly bus: ChangeBus;
  /**
   * Outbound HTTP to `url`, whose address may be private because the operator named it; closed with the runtime.
   * @throws ProxyError `config` when `url` is an address of this very process.
   */
  upstreamAt(url: string, ecosystem: string): UpstreamAccess;
}
