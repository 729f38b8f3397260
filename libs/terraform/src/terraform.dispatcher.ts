import type { FastifyReply, FastifyRequest } from 'fastify';

import type { Principal } from '@oci-package-proxy/access';
import { ProxyError } from '@oci-package-proxy/errors';
import { currentExchange, drained, type Gate, loggablePath, type RouteTable, STATUS_OF } from '@oci-package-proxy/platform';

import { inTime } from './http/deadline.ts';
import type { Exchange } from './http/exchange.ts';
import { READ } from './http/read-context.ts';
import { pathParts } from './http/request-path.ts';

// At twenty megabytes a second, a provider of 2 GiB comes in within this time.
const DRAIN_MS = 120_000;
/** When somebody who was not served for lack of upstream or storage may ask again. */
const RETRY_MS = 5_000;
const UNAVAILABLE = 503;
const ANONYMOUS: Principal = { kind: 'anonymous', name: 'anonymous', tokenId: null };

/** Routes and the path that they are below. */
export interface DispatcherTable {
  readonly base: string;
  readonly routes: RouteTable<Exchange>;
}

/** What a {@link TerraformDispatcher} leads to. */
export interface DispatcherParts {
  readonly gate: Pick<Gate, 'authenticate'>;
  /** All that is read, sign-ins, and the upload form. */
  readonly registry: DispatcherTable;
  /** Publishing and management. */
  readonly api: DispatcherTable;
  /** What clients ask of the host's root. */
  readonly root: DispatcherTable;
}

/** Leads every request to its handler. */
export class TerraformDispatcher {
  readonly #parts: DispatcherParts;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
  }

  /** Answers a request by a table. @throws ProxyError what the client is to be told; `not-found` without a route. */
  async answer(table: Exclude<keyof DispatcherParts, 'gate'>, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const started = performance.now();
    try {
      await this.#answer(this.#parts[table], { request, reply, started });
    } catch (error) {
      if (!READ.includes(request.method)) {
        // Clients read no answer before they have sent everything.
        await drained(request.raw, DRAIN_MS);
      }
      throw withRetry(error);
    }
  }

  async #answer({ base, routes }: DispatcherTable, { request, reply, started }: Pick<Exchange, 'request' | 'reply' | 'started'>): Promise<void> {
    const found = routes.find(request.method, pathParts(request.originalUrl, base));
    const exchange = currentExchange();
    if (exchange !== null) {
      exchange.route = found === null ? 'none' : `/${found.route.pattern}`;
    }
    const who = found?.route.anybody === true ? ANONYMOUS : await inTime(started, async () => this.#parts.gate.authenticate(request));
    if (found === null) {
      throw new ProxyError('not-found', `${request.method} ${loggablePath(request.originalUrl)}: there is nothing here.`);
    }
    await found.route.handler({ request, reply, who, params: found.params, started });
  }
}

/** Clients ask again by themselves, and wait as long as they are told. */
function withRetry(error: unknown): unknown {
  if (error instanceof ProxyError && STATUS_OF[error.code] === UNAVAILABLE && error.retryAfterMs === undefined) {
    return new ProxyError(error.code, error.message, { cause: error, retryAfterMs: RETRY_MS });
  }
  return error;
}
