import type { FastifyReply, FastifyRequest } from 'fastify';

import { ProxyError } from '@oci-package-proxy/errors';
import { currentExchange, drained, type Gate, loggablePath, type RouteMatch, type RouteTable } from '@oci-package-proxy/platform';

import type { PypiIndex, PypiIndexes } from './config/indexes.ts';
import { READ } from './http/read-context.ts';
import { pathParts } from './http/request-path.ts';
import type { Exchange, IndexExchange } from './http/exchange.ts';
import { DEFAULT } from './model/holdings.ts';

// At twenty megabytes a second, a file of 2 GiB comes in within this time.
const DRAIN_MS = 120_000;

/** What a {@link PypiDispatcher} leads to. */
export interface DispatcherParts {
  readonly gate: Gate;
  readonly indexes: PypiIndexes;
  /** Routes of every index. */
  readonly indexRoutes: RouteTable<IndexExchange>;
  /** Path prefix of the index at the base: `''`, or like `/pypi`. */
  readonly prefix: string;
  readonly manageRoutes: RouteTable;
  /** Path of the management API. */
  readonly managePath: string;
}

/** Leads every request to its handler. */
export class PypiDispatcher {
  readonly #parts: DispatcherParts;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
  }

  /** Answers a request to an index. @throws ProxyError what the client is to be told; `not-found` without a route. */
  async index(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { indexRoutes, prefix } = this.#parts;
    await drainedOnFailure(request, async () => {
      const parts = pathParts(request.originalUrl, prefix);
      const named = this.#named(parts[0] ?? '');
      const index = named ?? this.#atBase();
      const found = indexRoutes.find(request.method, named === null ? parts : parts.slice(1));
      const path = named === null ? prefix : `${prefix}/${named.name}`;
      await this.#answer({ request, reply }, found, (exchange) => ({ ...exchange, index, path }));
    });
  }

  /** Answers a request to the management API. @throws ProxyError what the client is to be told; `not-found` without a route. */
  async manage(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { manageRoutes, managePath } = this.#parts;
    await drainedOnFailure(request, async () => {
      const found = manageRoutes.find(request.method, pathParts(request.originalUrl, managePath));
      await this.#answer({ request, reply }, found, (exchange) => exchange);
    });
  }

  async #answer<E extends Exchange>({ request, reply }: Pick<Exchange, 'request' | 'reply'>, found: RouteMatch<E> | null, extend: (exchange: Exchange) => E): Promise<void> {
    const exchange = currentExchange();
    if (exchange !== null) {
      exchange.route = found === null ? 'none' : `/${found.route.pattern}`;
    }
    const who = await this.#parts.gate.authenticate(request);
    if (found === null) {
      throw new ProxyError('not-found', `${request.method} ${loggablePath(request.originalUrl)}: there is nothing here.`);
    }
    await found.route.handler(extend({ request, reply, who, params: found.params }));
  }

  /** The index that the path's first part names. The one at the base has no other path. */
  #named(part: string): PypiIndex | null {
    return part === DEFAULT ? null : this.#parts.indexes.find(part);
  }

  #atBase(): PypiIndex {
    const index = this.#parts.indexes.find(DEFAULT);
    if (index === null) {
      throw new ProxyError('internal', 'there is no default index');
    }
    return index;
  }
}

/** Runs `answer`; where it fails, the rest of the body is read first, since clients read no answer before they have sent it. */
async function drainedOnFailure(request: FastifyRequest, answer: () => Promise<void>): Promise<void> {
  try {
    await answer();
  } catch (error) {
    if (!READ.includes(request.method)) {
      await drained(request.raw, DRAIN_MS);
    }
    throw error;
  }
}
