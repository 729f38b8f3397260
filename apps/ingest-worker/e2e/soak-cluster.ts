import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import {
  CLUSTER_ADMIN_TOKEN,
  type CommandResult,
  type FaultProxy,
  freePort,
  runCommand,
  type RunningApp,
  type RunningRedis,
  type RunningRegistry,
  startApp,
  startDockerRegistry,
  startFaultProxy,
  startRedis,
  temporaryDirectory,
  WORKSPACE_ROOT,
} from '@oci-package-proxy/testing';

/** The longest that `verify` may take. */
const VERIFY_MS = 30 * 60_000;

/** A front end, and where it is. */
export interface SoakFrontEnd {
  readonly label: string;
  readonly app: RunningApp;
  readonly origin: string;
}

/** Front ends and a worker on a docker-registry behind a fault proxy, and on Redis. */
export class SoakCluster {
  readonly #parts: { readonly directory: string; readonly redis: RunningRedis; readonly registry: RunningRegistry };
  readonly #environment: Readonly<Record<string, string>>;
  readonly proxy: FaultProxy;
  readonly #running = new Map<string, RunningApp>();

  private constructor(parts: { readonly directory: string; readonly redis: RunningRedis; readonly registry: RunningRegistry }, proxy: FaultProxy, environment: Readonly<Record<string, string>>) {
    this.#parts = parts;
    this.#environment = environment;
    this.proxy = proxy;
  }

  /** Starts all but the apps. @param rate how many requests to the registry fail, from 0 to 1. */
  static async start({ seed, rate, environment }: { readonly seed: number; readonly rate: number; readonly environment: Readonly<Record<string, string>> }): Promise<SoakCluster> {
    const directory = await temporaryDirectory('soak');
    const [redis, registry] = await Promise.all([startRedis(), startDockerRegistry({ deletes: true })]);
    const proxy = await startFaultProxy({ target: registry.url, seed, rate });
    return new SoakCluster({ directory, redis, registry }, proxy, environment);
  }

  /** Every process that runs, by its label. */
  get running(): ReadonlyMap<string, RunningApp> {
    return this.#running;
  }

  /** Starts a front end. @param how `direct`: past the fault proxy, and without upstreams. */
  async startFrontEnd(name: string, label: string, how: { readonly direct: boolean }): Promise<SoakFrontEnd> {
    const [port, metrics] = await Promise.all([freePort(), freePort()]);
    const origin = `http://127.0.0.1:${port}`;
    const own = { PORT: String(port), METRICS_PORT: String(metrics), INTERNAL_URL: `http://127.0.0.1:${metrics}` };
    const app = await startApp(name, { ...this.#common(label, how), ...own }, `${origin}/livez`);
    this.#running.set(label, app);
    return { label, app, origin };
  }

  async startWorker(): Promise<void> {
    const metrics = await freePort();
    const own = { METRICS_PORT: String(metrics), INTERNAL_URL: `http://127.0.0.1:${metrics}` };
    this.#running.set('worker', await startApp('ingest-worker', { ...this.#common('worker', { direct: false }), ...own }, `http://127.0.0.1:${metrics}/livez`));
  }

  async stopApps(): Promise<void> {
    await Promise.all([...this.#running.values()].map(async (app) => app.stop()));
    this.#running.clear();
  }

  /** `npm run admin -- <parameters>`, past the fault proxy. */
  async admin(...parameters: readonly string[]): Promise<CommandResult> {
    return runCommand(process.execPath, [join(WORKSPACE_ROOT, 'apps/admin/dist/main.js'), ...parameters], { cwd: this.#parts.directory, environment: this.#common('admin', { direct: true }), timeoutMs: VERIFY_MS });
  }

  async stop(): Promise<void> {
    await this.stopApps();
    await this.proxy.stop();
    await Promise.all([this.#parts.redis.stop(), this.#parts.registry.stop()]);
    await rm(this.#parts.directory, { recursive: true, force: true });
  }

  #common(label: string, { direct }: { readonly direct: boolean }): Record<string, string> {
    return {
      QUEUE_URL: this.#parts.redis.url,
      STORAGE_URL: `${direct ? this.#parts.registry.url : this.proxy.url}/packages`,
      SECRET_KEY: 'e2e-secret-key-0123456789abcdef0123456789abcdef',
      ADMIN_TOKEN: CLUSTER_ADMIN_TOKEN,
      TERRAFORM_HOSTNAME: 'registry.example.com',
      TERRAFORM_UPSTREAM_HOSTS: 'off',
      DATA_DIR: join(this.#parts.directory, label),
      LOG_LEVEL: 'warn',
      ...this.#environment,
      ...(direct && { NPM_UPSTREAM_URL: 'off', PYPI_UPSTREAM_URL: 'off' }),
    };
  }
}
