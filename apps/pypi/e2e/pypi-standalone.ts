import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { freePort, type PythonClients, pythonClients, type RunningApp, startApp, temporaryDirectory } from '@oci-package-proxy/testing';

/** The token that the tests' operator has set. */
export const ADMIN_TOKEN = 'e2e-admin-token-0123456789abcdef';

/** A standalone proxy as Python clients see it, which can be stopped, killed and started again on the same data. */
export interface PypiStandalone {
  readonly app: RunningApp;
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  /** Base of the simple pages. */
  readonly index: string;
  /** The upload endpoint. */
  readonly upload: string;
  readonly metrics: string;
  readonly directory: string;
  /** Clients with empty caches, which publish as the operator unless `token` is null. `index` and `upload` are the proxy's own when absent. */
  clients(label: string, options?: { readonly token?: string | null; readonly index?: string; readonly upload?: string }): Promise<PythonClients>;
  /** Asks the management API as the operator. @param path below `/api/v1/pypi/`. */
  manage(method: string, path: string, body?: unknown): Promise<Response>;
  /** Stops (or kills) it and starts it again on the same data, with `environment` on top of the old one. */
  restart(options?: { readonly signal?: NodeJS.Signals; readonly environment?: Readonly<Record<string, string>> }): Promise<PypiStandalone>;
  /** Stops it and removes its directory. */
  stop(): Promise<void>;
}

/** Starts the standalone app with nothing configured but free ports, a data directory, no npm upstream and `environment`. */
export async function startPypiStandalone(environment: Readonly<Record<string, string>> = {}): Promise<PypiStandalone> {
  const directory = await temporaryDirectory('pypi-standalone');
  const [port, metrics, tls] = await Promise.all([freePort(), freePort(), freePort()]);
  return start(directory, {
    PORT: String(port),
    METRICS_PORT: String(metrics),
    TLS_PORT: String(tls),
    DATA_DIR: join(directory, 'data'),
    NPM_UPSTREAM_URL: 'off',
    ADMIN_TOKEN,
    LOG_LEVEL: 'info',
    ...environment,
  });
}

async function start(directory: string, environment: Readonly<Record<string, string>>): Promise<PypiStandalone> {
  const origin = `http://127.0.0.1:${environment['PORT']}`;
  const app = await startApp('standalone', environment, `${origin}/readyz`);
  const index = `${origin}/pypi/simple/`;
  const upload = `${origin}/pypi/legacy/`;
  return {
    app,
    origin,
    index,
    upload,
    metrics: `http://127.0.0.1:${environment['METRICS_PORT']}`,
    directory,
    clients: (label, { token = ADMIN_TOKEN, ...where } = {}) =>
      pythonClients({ directory: join(directory, 'clients', label), index, upload, ...where, token: token ?? undefined }),
    manage: (method, path, body) => manage(`${origin}/api/v1/pypi/${path}`, method, body),
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

/** Sends a request to the management API as the operator. */
export async function manage(url: string, method: string, body?: unknown): Promise<Response> {
  return fetch(url, {
    method,
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}
