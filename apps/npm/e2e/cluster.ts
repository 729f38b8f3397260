import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import {
  freePort,
  type NpmClient,
  npmClient,
  type RunningApp,
  type RunningRedis,
  type RunningRegistry,
  startApp,
  startDockerRegistry,
  startRedis,
  temporaryDirectory,
} from '@oci-package-proxy/testing';

/** The token that the tests' operator has set. */
export const ADMIN_TOKEN = 'e2e-admin-token-0123456789abcdef';

/** One npm front end. */
export interface FrontEnd {
  readonly app: RunningApp;
  /** What npm is pointed at. */
  readonly registry: string;
  readonly metrics: string;
}

/** Two npm front ends and two workers as separate processes on a real Redis and a real docker-registry. */
export class Cluster {
  frontEnds: FrontEnd[] = [];
  workers: RunningApp[] = [];
  redis!: RunningRedis;
  registry!: RunningRegistry;

  private constructor(
    readonly directory: string,
    private readonly environment: Readonly<Record<string, string>>,
  ) {}

  /** Starts all of it with `environment` on top of what every app needs. */
  static async start(environment: Readonly<Record<string, string>> = {}): Promise<Cluster> {
    const cluster = new Cluster(await temporaryDirectory('cluster'), environment);
    cluster.redis = await startRedis();
    cluster.registry = await startDockerRegistry({ directory: await temporaryDirectory('cluster-registry') });
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

  /** The front end `index` as npm sees it, with a client of its own. */
  async client(label: string, index: number, token: string | null = ADMIN_TOKEN): Promise<NpmClient> {
    const registry = this.frontEnds[index]?.registry ?? '';
    return npmClient({ directory: join(this.directory, 'clients', label), registry, token: token ?? undefined });
  }

  /** Ends everything and removes every directory. */
  async stop(): Promise<void> {
    await this.stopApps();
    await Promise.all([this.redis.stop(), this.registry.stop()]);
    await Promise.all([this.directory, this.registry.directory].map((path) => rm(path, { recursive: true, force: true })));
  }

  private async startFrontEnd(label: string, change: Readonly<Record<string, string>>): Promise<FrontEnd> {
    const [port, metrics] = await Promise.all([freePort(), freePort()]);
    const registry = `http://127.0.0.1:${port}/`;
    const app = await startApp(
      'npm',
      { ...this.common(`npm-${label}`), PORT: String(port), METRICS_PORT: String(metrics), INTERNAL_URL: `http://127.0.0.1:${metrics}`, ...change },
      `${registry}readyz`,
    );
    return { app, registry, metrics: `http://127.0.0.1:${metrics}` };
  }

  private common(label: string): Record<string, string> {
    return {
      QUEUE_URL: this.redis.url,
      STORAGE_URL: `${this.registry.url}/packages`,
      SECRET_KEY: 'e2e-secret-key-0123456789abcdef0123456789abcdef',
      ADMIN_TOKEN,
      NPM_UPSTREAM_URL: 'off',
      DATA_DIR: join(this.directory, label),
      ...this.environment,
    };
  }
}
