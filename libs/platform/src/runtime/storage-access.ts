import { isProxyError, type ProxyError } from '@oci-package-proxy/errors';
import { parseStorageUrl, type Registry } from '@oci-package-proxy/oci';
import { isStorageAway, StorageCircuit, withCircuit } from '@oci-package-proxy/storage';

import type { PlatformConfig } from '../config/platform-config.ts';
import { registryFromConfig } from '../config/registry-from-config.ts';
import type { HealthCheck } from '../health/health-checks.ts';
import type { Logger } from '../logging/logger.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { withMetrics } from '../metrics/with-metrics.ts';

/** The store as a process reaches it. */
export interface StorageAccess {
  /** Fails at once while storage is away. */
  readonly registry: Registry;
  /**
   * `storage`: it is there and takes our credential; a process that has seen it once can serve what it remembers without it.
   * `storage-writes`: no write was refused lately; only shown.
   */
  readonly checks: readonly HealthCheck[];
  /** Whether `error` is one of all packages: storage is away, or takes no writes. */
  isOutage(error: unknown): boolean;
  close(): Promise<void>;
}

/** Reaches the store of `config`. No request is made before the first operation. @throws ProxyError `config`. */
export function createStorageAccess(config: PlatformConfig, parts: { readonly logger: Logger; readonly metrics: Metrics }): StorageAccess {
  const { logger, metrics } = parts;
  const impatient = registryFromConfig(config, logger, { impatient: true });
  const circuit = new StorageCircuit({ name: storageName(config), probe: (signal) => impatient.check({ signal }), logger });
  const registry = withMetrics(withCircuit(registryFromConfig(config, logger), circuit), metrics);
  let readOnly: ProxyError | null = null;
  const check = async (signal: AbortSignal): Promise<void> => {
    if (circuit.outage !== null) {
      throw circuit.outage;
    }
    try {
      await registry.check({ signal });
      readOnly = null;
    } catch (error) {
      // A store that asks for more than reading to be checked can be read all the same.
      if (!isProxyError(error, 'storage-read-only')) {
        throw error;
      }
      readOnly = error;
    }
  };
  return {
    registry,
    checks: [
      { name: 'storage', required: 'at-start', run: check },
      {
        name: 'storage-writes',
        required: false,
        run: async () => {
          const refusal = circuit.refusal ?? readOnly;
          await (refusal === null ? Promise.resolve() : Promise.reject(refusal));
        },
      },
    ],
    isOutage: (error) => isProxyError(error, 'storage-read-only') || (circuit.outage !== null && isStorageAway(error)),
    close: async () => {
      await registry.close();
      await impatient.close();
    },
  };
}

function storageName({ storage: { url } }: Pick<PlatformConfig, 'storage'>): string {
  return url.startsWith('layout:') ? `the directory ${url.slice('layout:'.length)}` : `the registry ${parseStorageUrl(url).registry.host}`;
}
