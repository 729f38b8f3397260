import 'reflect-metadata';
import type { RequestListener, Server } from 'node:http';

import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyHttpOptions, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import type { PlatformConfig } from '../config/platform-config.ts';
import type { HealthChecks } from '../health/health-checks.ts';
import type { Logger } from '../logging/logger.ts';
import { NestLogger } from '../logging/nest-logger.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { AppServers } from './app-servers.ts';
import { ErrorFilter } from './error-filter.ts';
import { addHealthRoutes } from './health-routes.ts';
import { type ErrorBodyEncoder, type HttpMount, HttpMounts } from './mounts.ts';
import { addRequestHooks, passBodiesThrough } from './request-hooks.ts';
import { trackRequests } from './request-tracking.ts';

/** How {@link createHttpApp} sets the app up. */
export interface HttpAppOptions {
  readonly config: Pick<PlatformConfig, 'basePath' | 'instanceId'>;
  readonly logger: Logger;
  /** Shorthand for one mount at `config.basePath`; also answers outside of every mount. */
  readonly errorBody?: ErrorBodyEncoder;
  /** Shorthand for one mount at `config.basePath`: see {@link HttpMount}. */
  readonly rewriteUrl?: (url: string) => string;
  /** One for each ecosystem, when several share the app. */
  readonly mounts?: readonly HttpMount[];
  readonly metrics?: Metrics;
  /** With it, the public listener has `/livez` and `/readyz` as well. */
  readonly health?: HealthChecks;
  /** After this long (ms) a shutdown cuts the transfers that still run; default 30 000. */
  readonly drainDeadlineMs?: number;
}

const MAX_PARAM_LENGTH = 4096;
const DRAIN_DEADLINE_MS = 30_000;

const serversOf = new WeakMap<NestFastifyApplication, AppServers>();

/**
 * A Nest application on Fastify: no HEAD routes of its own, bodies handed over as streams (`request.raw`; see `readJson`),
 * errors by table and ecosystem, request log, metrics, draining shutdown. It is initialised but does not listen yet: see
 * `listenHttp`. `app.close()` drains.
 */
export async function createHttpApp(module: Type | DynamicModule, options: HttpAppOptions): Promise<NestFastifyApplication> {
  const mounts = new HttpMounts(mountsOf(options));
  const filter = new ErrorFilter(mounts, options.logger);
  const servers = new AppServers((handler) => trackRequests(handler, { ...options, mounts }), options.drainDeadlineMs ?? DRAIN_DEADLINE_MS);
  const adapter = fastifyAdapter({ mounts, filter, servers, logger: options.logger });
  const fastify: FastifyInstance = adapter.getInstance();
  passBodiesThrough(fastify);
  addRequestHooks(fastify, options.config.instanceId);
  fastify.addHook('preClose', (done) => {
    servers.drain();
    done();
  });
  fastify.addHook('onClose', async () => servers.tlsClosed());
  if (options.health !== undefined) {
    addHealthRoutes(fastify, options.health);
  }
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    bodyParser: false,
    abortOnError: false,
    logger: new NestLogger(options.logger),
  });
  app.useGlobalFilters(filter);
  await app.init();
  await fastify.ready();
  serversOf.set(app, servers);
  return app;
}

/** The node servers of an app made by {@link createHttpApp}. */
export function appServers(app: NestFastifyApplication): AppServers {
  const servers = serversOf.get(app);
  if (servers === undefined) {
    throw new TypeError('the app was not made by createHttpApp');
  }
  return servers;
}

interface AdapterParts {
  readonly mounts: HttpMounts;
  readonly filter: ErrorFilter;
  readonly servers: AppServers;
  readonly logger: Logger;
}

function fastifyAdapter(parts: AdapterParts): FastifyAdapter {
  const options: FastifyHttpOptions<Server> = {
    exposeHeadRoutes: false,
    return503OnClosing: false,
    // `request.ip` stays the socket's: forwarded headers count where `publicBase` and `clientAddress` say, by one rule.
    trustProxy: false,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    rewriteUrl: (request) => rewritten(parts, request.url ?? '/'),
    frameworkErrors: (error, request, reply) => parts.filter.answer(error, request as FastifyRequest, reply as FastifyReply),
    serverFactory: (handler) => parts.servers.plain(handler as RequestListener),
  };
  return new FastifyAdapter(options);
}

/** A rewrite must not take the process down: Fastify calls it outside of any error handling. */
function rewritten(parts: AdapterParts, url: string): string {
  try {
    return parts.mounts.rewrite(url);
  } catch (error) {
    parts.logger.error({ err: error }, 'rewriting a URL failed');
    return url;
  }
}

function mountsOf(options: HttpAppOptions): HttpMount[] {
  const { errorBody, rewriteUrl, config } = options;
  const mounts = [...(options.mounts ?? [])];
  if (rewriteUrl !== undefined || errorBody !== undefined) {
    mounts.push({ prefix: config.basePath, errorBody, rewriteUrl });
  }
  if (errorBody !== undefined && config.basePath !== '') {
    mounts.push({ prefix: '', errorBody });
  }
  return mounts;
}
