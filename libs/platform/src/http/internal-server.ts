import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';

import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';

import { ProxyError } from '@oci-package-proxy/errors';
import { type Download, type Downloads, SPOOL_PATH, verifyPeerRequest } from '@oci-package-proxy/upstream';

import type { PlatformConfig } from '../config/platform-config.ts';
import type { HealthChecks } from '../health/health-checks.ts';
import type { Logger } from '../logging/logger.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { addHealthRoutes } from './health-routes.ts';

/** What {@link startInternalServer} serves. */
export interface InternalServerOptions {
  readonly config: Pick<PlatformConfig, 'internal' | 'secretKey'>;
  readonly metrics: Metrics;
  readonly health: HealthChecks;
  /** Files for other replicas; null: none. */
  readonly spool: Pick<Downloads, 'find'> | null;
  readonly logger: Logger;
}

/** The internal listener. */
export interface InternalServer {
  /** `http://host:port`; empty while it is switched off. */
  readonly url: string;
  /** null while it is switched off. */
  readonly port: number | null;
  close(): Promise<void>;
}

/**
 * Starts the listener that only operators and other replicas reach: `/metrics`, `/livez`, `/readyz` and the spool.
 * @throws ProxyError `config` when the port is taken.
 */
export async function startInternalServer(options: InternalServerOptions): Promise<InternalServer> {
  const { internal } = options.config;
  if (internal.port === null) {
    return { url: '', port: null, close: async () => Promise.resolve() };
  }
  const server = fastify({ logger: false, forceCloseConnections: true, exposeHeadRoutes: false });
  addHealthRoutes(server, options.health);
  server.get('/metrics', async (_request, reply) => {
    const { contentType, body } = await options.metrics.text();
    return reply.header('content-type', contentType).send(Buffer.from(body));
  });
  addSpoolRoute(server, options);
  try {
    await server.listen({ host: internal.host, port: internal.port });
  } catch (error) {
    await server.close();
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
    throw new ProxyError('config', `METRICS_PORT: listening on ${internal.host}:${internal.port} failed (${code}); choose another, or off`, { cause: error });
  }
  const { port } = server.server.address() as AddressInfo;
  const host = internal.host.includes(':') ? `[${internal.host}]` : internal.host;
  return { url: `http://${host}:${port}`, port, close: async () => server.close() };
}

function addSpoolRoute(server: FastifyInstance, { config, spool, logger }: InternalServerOptions): void {
  server.get(SPOOL_PATH, async (request: FastifyRequest, reply: FastifyReply) => {
    if (!verifyPeerRequest({ method: request.method, path: request.url, headers: request.headers }, config.secretKey)) {
      return reply.code(403).send({ error: 'The request is not signed with our SECRET_KEY, or the clocks differ by more than a minute.' });
    }
    const { key } = request.query as { readonly key?: unknown };
    const download = typeof key === 'string' ? (spool?.find(key) ?? null) : null;
    if (download === null) {
      return reply.code(404).send({ error: 'That file is not in this spool.' });
    }
    await pour(request, reply, { download, logger });
    return reply;
  });
}

async function pour(request: FastifyRequest, reply: FastifyReply, { download, logger }: { readonly download: Download; readonly logger: Logger }): Promise<void> {
  const { size } = download;
  const asked = Number(/^bytes=(\d{1,15})-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  // While nobody knows the size there is no Content-Range to be written; the other side takes the whole.
  const start = size !== null && asked < size ? asked : 0;
  reply.hijack();
  reply.raw.writeHead(start > 0 ? 206 : 200, {
    'content-type': 'application/octet-stream',
    ...(size !== null && { 'content-length': String(size - start) }),
    ...(start > 0 && { 'content-range': `bytes ${start}-${Number(size) - 1}/${size}` }),
  });
  try {
    await pipeline(download.stream({ start }), reply.raw);
  } catch (err) {
    logger.debug({ err }, 'a replica did not get all of a spooled file');
    reply.raw.destroy();
  }
}
