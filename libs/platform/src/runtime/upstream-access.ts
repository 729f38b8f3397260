import { ProxyError } from '@oci-package-proxy/errors';
import { areNested, type CircuitState, DocumentCache, UpstreamClient } from '@oci-package-proxy/upstream';

import { isOurselves } from '../config/ourselves.ts';
import type { PlatformConfig } from '../config/platform-config.ts';
import type { Logger } from '../logging/logger.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { UpstreamAccess } from './runtime.ts';

const CIRCUIT = { closed: 0, 'half-open': 1, open: 2 } as const satisfies Readonly<Record<CircuitState, number>>;

/** The upstreams of one process, each with a client and a document cache of its own. */
export class UpstreamAccesses {
  readonly #config: PlatformConfig;
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  readonly #clients: UpstreamClient[] = [];
  readonly #urls = new Set<string>();

  constructor(config: PlatformConfig, logger: Logger, metrics: Metrics) {
    this.#config = config;
    this.#logger = logger;
    this.#metrics = metrics;
  }

  /**
   * See `Runtime.upstreamAt`. A credential that belongs to one upstream is not shown for another: its pages could link to what only
   * we may read there. One that belongs to none is for the hosts of their files: of those that it names, else of all.
   */
  at(url: string, ecosystem: string): UpstreamAccess {
    const { upstreams, limits } = this.#config.file;
    if (isOurselves(url, this.#config)) {
      throw new ProxyError('config', `The upstream of ${ecosystem} is this proxy itself. Set the address of another registry, or off.`);
    }
    this.#urls.add(url);
    const meant = upstreams.filter((access) => access.for?.some((named) => areNested(named, url)) ?? true);
    const upstream = new UpstreamClient({
      instanceId: this.#config.instanceId,
      access: meant,
      mayUse: (rule) => areNested(rule, url) || ![...this.#urls].some((other) => areNested(rule, other)),
      allowedOrigins: [url, ...meant.map((access) => access.url)].map((named) => new URL(named).origin),
      maxConnections: limits.upstreamConnections,
      logger: this.#logger,
      observe: (result, ms) => {
        this.#metrics.upstreamRequests.inc({ ecosystem, result });
        this.#metrics.upstreamDuration.observe({ ecosystem }, ms / 1000);
      },
      onCircuit: (state) => this.#metrics.upstreamCircuit.set({ ecosystem }, CIRCUIT[state]),
    });
    this.#clients.push(upstream);
    return { upstream, documents: new DocumentCache({ upstream, limitBytes: limits.documentBytes, logger: this.#logger }) };
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }
}
