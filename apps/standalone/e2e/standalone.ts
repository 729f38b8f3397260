import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { freePort, type NpmClient, npmClient, type RunningApp, startApp, temporaryDirectory } from '@oci-package-proxy/testing';

/** The token that the tests' operator has set. */
export const ADMIN_TOKEN = 'e2e-admin-token-0123456789abcdef';

/** A standalone proxy on a directory of its own, which can be stopped, killed and started again on the same data. */
export interface Standalone {
  readonly app: RunningApp;
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  /** What npm is pointed at. */
  readonly registry: string;
  readonly metrics: string;
  readonly directory: string;
  /** An npm client with an empty cache, signed in as the operator unless `token` is null. */
  client(label: string, token?: string | null): Promise<NpmClient>;
  /** Stops (or kills) it and starts it again on the same data, with `environment` on top of the old one. */
  restart(options?: { readonly signal?: NodeJS.Signals; readonly environment?: Readonly<Record<string, string>> }): Promise<Standalone>;
  /** Stops it and removes its directory. */
  stop(): Promise<void>;
}

/** Starts the standalone app with nothing configured but free ports, a data directory and `environment`. */
export async function startStandalone(environment: Readonly<Record<string, string>> = {}): Promise<Standalone> {
  const directory = await temporaryDirectory('standalone');
  const [port, metrics, tls] = await Promise.all([freePort(), freePort(), freePort()]);
  return start(directory, {
    PORT: String(port),
    METRICS_PORT: String(metrics),
    TLS_PORT: String(tls),
    DATA_DIR: join(directory, 'data'),
    ADMIN_TOKEN,
    LOG_LEVEL: 'info',
    ...environment,
  });
}

async function start(directory: string, environment: Readonly<Record<string, string>>): Promise<Standalone> {
  const origin = `http://127.0.0.1:${environment['PORT']}`;
  const app = await startApp('standalone', environment, `${origin}/readyz`);
  const registry = `${origin}/npm/`;
  return {
    app,
    origin,
    registry,
    metrics: `http://127.0.0.1:${environment['METRICS_PORT']}`,
    directory,
    client: (label, token = ADMIN_TOKEN) => npmClient({ directory: join(directory, 'clients', label), registry, token: token ?? undefined }),
    restart: async ({ signal = 'SIGTERM', environment: change = {} } = {}) => {
      await app.stop(signal);
      return start(directory, { ...environment, ...change });
    },
    stop: async () => {
      await app.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
