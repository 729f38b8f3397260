import { freePort, type RunningServer, startServer, temporaryDirectory } from './process.ts';

/** A Redis server of the machine's own package. */
export interface RunningRedis extends RunningServer {
  readonly url: string;
}

/** Starts redis-server on a free loopback port (or `port`, to bring one back), `noeviction`, nothing kept on disk. */
export async function startRedis(options: { readonly port?: number } = {}): Promise<RunningRedis> {
  const port = options.port ?? (await freePort());
  const directory = await temporaryDirectory('redis');
  const server = await startServer({
    command: 'redis-server',
    arguments: ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction', '--dir', directory],
    port,
    directory,
    debianPackage: 'redis-server',
  });
  return { ...server, url: `redis://127.0.0.1:${port}` };
}
