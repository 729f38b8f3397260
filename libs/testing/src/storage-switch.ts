import { createServer, type Server } from 'node:http';

import type { AppCluster } from './app-cluster.ts';
import { type RunningRegistry, startDockerRegistry } from './docker-registry.ts';

/** Takes the docker-registry below a cluster away, and gives it back, on the same port and directory. */
export class StorageSwitch {
  readonly #registry: Pick<RunningRegistry, 'port' | 'directory'>;
  #running: RunningRegistry | null;
  #gateway: Server | null = null;

  constructor({ registry }: Pick<AppCluster<object>, 'registry'>) {
    this.#registry = registry;
    this.#running = registry;
  }

  /** Connections are refused. */
  async away(): Promise<void> {
    await this.#running?.stop();
    this.#running = null;
    const gateway = this.#gateway;
    this.#gateway = null;
    if (gateway !== null) {
      gateway.closeAllConnections();
      await new Promise((resolve) => gateway.close(resolve));
    }
  }

  /** In its place answers what stands before it, and knows nobody: 404 to everything. */
  async unrouted(): Promise<void> {
    await this.away();
    const gateway = createServer((request, response) => {
      request.resume();
      response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found');
    });
    await new Promise<void>((resolve, reject) => gateway.once('error', reject).listen(this.#registry.port, '127.0.0.1', resolve));
    this.#gateway = gateway;
  }

  /** Connections are taken, and nothing is answered, until {@link StorageSwitch.back}. */
  hanging(): void {
    this.#running?.signal('SIGSTOP');
  }

  /** It is there, as it was or as `options` say. */
  async back(options: { readonly readOnly?: boolean; readonly htpasswd?: string } = {}): Promise<void> {
    await this.away();
    this.#running = await startDockerRegistry({ port: this.#registry.port, directory: this.#registry.directory, ...options });
  }

  /** Ends it. The cluster must be stopped all the same. */
  async stop(): Promise<void> {
    await this.away();
  }
}
