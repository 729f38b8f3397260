import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { type RunningApp, startApp } from './app-process.ts';
import { type RunningRegistry, startDockerRegistry } from './docker-registry.ts';
import { freePort, temporaryDirectory } from './process.ts';
import { type RunningRedis, startRedis } from './redis.ts';

/** The token that the operator of a test cluster has set. */
export const CLUSTER_ADMIN_TOKEN = 'e2e-admin-token-0123456789abcdef';

/** One front end of a cluster. */
export interface ClusterFrontEnd {
  readonly app: RunningApp;
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  readonly metrics: string;
}

/** What a cluster is made of. */
export interface AppClusterOptions<A extends object> {
  /** The app that serves: `apps/<name>`. */
  readonly frontEnd: string;
  /** What clients of a front end at `origin` are pointed at. */
  addresses(origin: string): A;
  /** What every process gets besides what all of them need. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Two front ends and two workers as separate processes on a real Redis and a real docker-registry. */
export class AppCluster<A extends object> {
  frontEnds: (ClusterFrontEnd & A)[] = [];
  workers: RunningApp[] = [];
  readonly directory: string;
  readonly redis: RunningRedis;
  readonly registry: RunningRegistry;
  readonly #options: AppClusterOptions<A>;

  private constructor(options: AppClusterOptions<A>, parts: Pick<AppCluster<A>, 'directory' | 'redis' | 'registry'>) {
    this.#options = options;
    this.directory = parts.directory;
    this.redis = parts.redis;
    this.registry = parts.registry;
  }

  /** Starts all of it. */
  static async start<A extends object>(options: AppClusterOptions<A>): Promise<AppCluster<A>> {
    const directory = await temporaryDirectory('cluster');
    const redis = await startRedis();
    const registry = await startDockerRegistry({ directory: await temporaryDirectory('cluster-registry') });
    const cluster = new AppCluster(options, { directory, redis, registry });
    try {
      await cluster.startApps();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** Starts the front ends and workers, on new ports. `change` goes on top of the environment. */
  async startApps(change: Readonly<Record<string, string>> = {}): Promise<void> {
    this.frontEnds = await Promise.all([this.#startFrontEnd('a', change), this.#startFrontEnd('b', change)]);
    this.workers = await Promise.all([this.startWorker('a', change), this.startWorker('b', change)]);
  }

  /** Stops the front ends and workers. */
  async stopApps(): Promise<void> {
    await Promise.all([...this.frontEnds.map(({ app }) => app.stop()), ...this.workers.map((worker) => worker.stop())]);
  }

  /** One more worker, for one that was killed. */
  async startWorker(label: string, change: Readonly<Record<string, string>> = {}): Promise<RunningApp> {
    const metrics = await freePort();
    const own = { METRICS_PORT: String(metrics), INTERNAL_URL: `http://127.0.0.1:${metrics}` };
    return startApp('ingest-worker', { ...this.#common(`worker-${label}`), ...own, ...change }, `http://127.0.0.1:${metrics}/readyz`);
  }

  /** Ends everything and removes every directory. */
  async stop(): Promise<void> {
    await this.stopApps();
    await Promise.all([this.redis.stop(), this.registry.stop()]);
    await Promise.all([this.directory, this.registry.directory].map((path) => rm(path, { recursive: true, force: true })));
  }

  async #startFrontEnd(label: string, change: Readonly<Record<string, string>>): Promise<ClusterFrontEnd & A> {
    const { frontEnd, addresses } = this.#options;
    const [port, metrics] = await Promise.all([freePort(), freePort()]);
    const origin = `http://127.0.0.1:${port}`;
    const own = { PORT: String(port), METRICS_PORT: String(metrics), INTERNAL_URL: `http://127.0.0.1:${metrics}` };
    const app = await startApp(frontEnd, { ...this.#common(`front-end-${label}`), ...own, ...change }, `${origin}/readyz`);
    return { app, origin, metrics: `http://127.0.0.1:${metrics}`, ...addresses(origin) };
  }

  #common(label: string): Record<string, string> {
    return {
      QUEUE_URL: this.redis.url,
      STORAGE_URL: `${this.registry.url}/packages`,
      SECRET_KEY: 'e2e-secret-key-0123456789abcdef0123456789abcdef',
      ADMIN_TOKEN: CLUSTER_ADMIN_TOKEN,
      // A worker knows every ecosystem.
      NPM_UPSTREAM_URL: 'off',
      PYPI_UPSTREAM_URL: 'off',
      TERRAFORM_UPSTREAM_HOSTS: 'off',
      DATA_DIR: join(this.directory, label),
      ...this.#options.environment,
    };
  }
}
