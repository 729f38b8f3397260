import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import {
  freePort,
  type PythonClients,
  pythonClients,
  type RunningApp,
  type RunningRedis,
  type RunningRegistry,
  startApp,
  startDockerRegistry,
  startRedis,
  temporaryDirectory,
} from '@oci-package-proxy/testing';

import { ADMIN_TOKEN } from './pypi-standalone.ts';

/** One pypi front end. */
export interface PypiFrontEnd {
  readonly app: RunningApp;
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  /** Base of the simple pages. */
  readonly index: string;
  /** The upload endpoint. */
  readonly upload: string;
  readonly metrics: string;
}

/** Two pypi front ends and two workers as separate processes on a real Redis and a real docker-registry. */
export class PypiCluster {
  frontEnds: PypiFrontEnd[] = [];
  workers: RunningApp[] = [];
  redis!: RunningRedis;
  registry!: RunningRegistry;

  private constructor(
    readonly directory: string,
    private readonly environment: Readonly<Record<string, string>>,
  ) {}

  /** Starts all of it with `environment` on top of what every app needs. */
  static async start(environment: Readonly<Record<string, string>> = {}): Promise<PypiCluster> {
    const cluster = new PypiCluster(await temporaryDirectory('pypi-cluster'), environment);
    cluster.redis = await startRedis();
    cluster.registry = await startDockerRegistry({ directory: await temporaryDirectory('pypi-cluster-registry') });
    await cluster.startApps();
    return cluster;
  }

  /** Starts the front ends and workers, on new ports. `change` goes on top of the environment. */
  async startApps(change: Readonly<Record<string, string>> = {}): Promise<void> {
    this.frontEnds = await Promise.all([this.startFrontEnd('a', change), this.startFrontEnd('b', change)]);
    this.workers = await Promise.all([this.startWorker('a', change), this.startWorker('b', change)]);
  }

  /** Stops the front ends and workers. */
  async stopApps(): Promise<void> {
    await Promise.all([...this.frontEnds.map(({ app }) => app.stop()), ...this.workers.map((worker) => worker.stop())]);
  }

  /** One more worker, for one that was killed. */
  async startWorker(label: string, change: Readonly<Record<string, string>> = {}): Promise<RunningApp> {
    const metrics = await freePort();
    return startApp(
      'ingest-worker',
      { ...this.common(`worker-${label}`), METRICS_PORT: String(metrics), INTERNAL_URL: `http://127.0.0.1:${metrics}`, ...change },
      `http://127.0.0.1:${metrics}/readyz`,
    );
  }

  /** Clients of the front end `index`, with empty caches. */
  async clients(label: string, index: number, token: string | null = ADMIN_TOKEN): Promise<PythonClients> {
    const frontEnd = this.frontEnds[index];
    const where = { index: frontEnd?.index ?? '', upload: frontEnd?.upload ?? '' };
    return pythonClients({ directory: join(this.directory, 'clients', label), ...where, token: token ?? undefined });
  }

  /** Ends everything and removes every directory. */
  async stop(): Promise<void> {
    await this.stopApps();
    await Promise.all([this.redis.stop(), this.registry.stop()]);
    await Promise.all([this.directory, this.registry.directory].map((path) => rm(path, { recursive: true, force: true })));
  }

  private async startFrontEnd(label: string, change: Readonly<Record<string, string>>): Promise<PypiFrontEnd> {
    const [port, metrics] = await Promise.all([freePort(), freePort()]);
    const origin = `http://127.0.0.1:${port}`;
    const app = await startApp(
      'pypi',
      { ...this.common(`pypi-${label}`), PORT: String(port), METRICS_PORT: String(metrics), INTERNAL_URL: `http://127.0.0.1:${metrics}`, ...change },
      `${origin}/readyz`,
    );
    return { app, origin, index: `${origin}/simple/`, upload: `${origin}/legacy/`, metrics: `http://127.0.0.1:${metrics}` };
  }

  private common(label: string): Record<string, string> {
    return {
      QUEUE_URL: this.redis.url,
      STORAGE_URL: `${this.registry.url}/packages`,
      SECRET_KEY: 'e2e-secret-key-0123456789abcdef0123456789abcdef',
      ADMIN_TOKEN,
      PYPI_UPSTREAM_URL: 'off',
      NPM_UPSTREAM_URL: 'off',
      DATA_DIR: join(this.directory, label),
      ...this.environment,
    };
  }
}
