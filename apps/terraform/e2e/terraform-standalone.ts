import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import {
  eventually,
  freePort,
  type InstallationMethod,
  type ReleaseFile,
  type RunningApp,
  startApp,
  temporaryDirectory,
  type TerraformClient,
  terraformClient,
  uploadForm,
} from '@oci-package-proxy/testing';

/** The token that the tests' operator has set. */
export const ADMIN_TOKEN = 'e2e-admin-token-0123456789abcdef';

/** How a request to the API differs from one of the operator. */
export interface ApiCall {
  readonly body?: Buffer | string;
  readonly contentType?: string;
  /** The operator's when absent; null: none. */
  readonly authorization?: string | null;
}

/** An answer of the API. */
export interface ApiAnswer {
  readonly status: number;
  readonly reason: string;
  readonly text: string;
  readonly headers: Headers;
  /** The body, where it is JSON; else an empty object. */
  readonly json: Readonly<Record<string, unknown>>;
}

/** The part of a server that publishes, wherever it is. */
export interface TerraformApi {
  /** Asks the API. @param path below `/api/v1/terraform/`. */
  call(method: string, path: string, call?: ApiCall): Promise<ApiAnswer>;
  /** Publishes files by one form, whatever their size. */
  publishProvider(address: string, files: readonly ReleaseFile[], authorization?: string | null): Promise<ApiAnswer>;
  /** @param address `namespace/name/system/version` */
  publishModule(address: string, archive: Buffer, authorization?: string | null): Promise<ApiAnswer>;
  addKey(namespace: string, armored: string): Promise<ApiAnswer>;
}

/** A standalone proxy as Terraform sees it, which can be stopped, killed and started again on the same data. */
export interface TerraformStandalone extends TerraformApi {
  readonly app: RunningApp;
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  /** `https://127.0.0.1:<port>`: what clients use. */
  readonly secure: string;
  /** `127.0.0.1:<port>`: the host in source addresses. */
  readonly host: string;
  /** The certificate authority that clients trust. */
  readonly caFile: string;
  readonly ca: string;
  readonly metrics: string;
  readonly directory: string;
  /** The base of its network mirror. */
  readonly mirror: string;
  readonly environment: Readonly<Record<string, string>>;
  /** A client with nothing of others, which trusts the server. */
  client(label: string, binary: string, config?: string): Promise<TerraformClient>;
  /** Installs by the mirror alone. */
  mirrorMethod(more?: Partial<Extract<InstallationMethod, { kind: 'network_mirror' }>>): InstallationMethod;
  /** Stops (or kills) it and starts it again on the same data, with `environment` on top of the old one. */
  restart(options?: { readonly signal?: NodeJS.Signals; readonly environment?: Readonly<Record<string, string>> }): Promise<TerraformStandalone>;
  /** Stops it and removes its directory. */
  stop(): Promise<void>;
}

/** Starts the standalone app with nothing configured but free ports, a data directory, no upstreams and `environment`. */
export async function startTerraformStandalone(environment: Readonly<Record<string, string>> = {}): Promise<TerraformStandalone> {
  const directory = await temporaryDirectory('terraform-standalone');
  const [port, metrics, tls] = await Promise.all([freePort(), freePort(), freePort()]);
  return start(directory, {
    PORT: String(port),
    METRICS_PORT: String(metrics),
    TLS_PORT: String(tls),
    DATA_DIR: join(directory, 'data'),
    NPM_UPSTREAM_URL: 'off',
    PYPI_UPSTREAM_URL: 'off',
    TERRAFORM_UPSTREAM_HOSTS: 'off',
    ADMIN_TOKEN,
    LOG_LEVEL: 'info',
    ...environment,
  });
}

async function start(directory: string, environment: Readonly<Record<string, string>>): Promise<TerraformStandalone> {
  const origin = `http://127.0.0.1:${environment['PORT']}`;
  const host = `127.0.0.1:${environment['TLS_PORT']}`;
  const app = await startApp('standalone', environment, `${origin}/readyz`);
  const caFile = join(environment['DATA_DIR'] ?? '', 'tls/ca.pem');
  await eventually('the certificate is there', async () => (await readFile(caFile)).length > 0, 5_000);
  const mirror = `https://${host}/terraform/mirror/`;
  return {
    app,
    origin,
    secure: `https://${host}`,
    host,
    caFile,
    ca: await readFile(caFile, 'utf8'),
    metrics: `http://127.0.0.1:${environment['METRICS_PORT']}`,
    directory,
    mirror,
    environment,
    ...terraformApi(origin),
    client: async (label, binary, config) => terraformClient({ directory: join(directory, 'clients', label), binary, caFile, ...(config !== undefined && { config }) }),
    mirrorMethod: (more = {}) => ({ kind: 'network_mirror', url: mirror, ...more }),
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

/** The API of the server at `origin`, as its operator uses it. */
export function terraformApi(origin: string): TerraformApi {
  const call = async (method: string, path: string, { body, contentType, authorization = `Bearer ${ADMIN_TOKEN}` }: ApiCall = {}): Promise<ApiAnswer> =>
    answerOf(
      await fetch(`${origin}/api/v1/terraform/${path}`, {
        method,
        headers: { ...(authorization !== null && { authorization }), ...(contentType !== undefined && { 'content-type': contentType }) },
        ...(body !== undefined && { body: typeof body === 'string' ? body : new Uint8Array(body) }),
      }),
    );
  return {
    call,
    publishProvider: async (address, files, authorization = `Bearer ${ADMIN_TOKEN}`) => {
      const form = uploadForm(files);
      const headers = { 'content-type': form.contentType, 'content-length': String(form.length), ...(authorization !== null && { authorization }) };
      return answerOf(await fetch(`${origin}/api/v1/terraform/providers/${address}`, { method: 'POST', headers, body: form.stream(), duplex: 'half' } as unknown as RequestInit));
    },
    publishModule: async (address, archive, authorization) => call('PUT', `modules/${address}`, { body: archive, contentType: 'application/octet-stream', ...(authorization !== undefined && { authorization }) }),
    addKey: async (namespace, armored) => call('POST', `keys/${namespace}`, { body: armored, contentType: 'application/pgp-keys' }),
  };
}

/** Reads an answer to its end. */
export async function answerOf(response: Response): Promise<ApiAnswer> {
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
  return { status: response.status, reason: response.statusText, text, headers: response.headers, json: isJson ? (JSON.parse(text) as Record<string, unknown>) : {} };
}
