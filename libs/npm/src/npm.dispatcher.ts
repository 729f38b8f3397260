import type { FastifyReply, FastifyRequest } from 'fastify';

import type { Principal } from '@oci-package-proxy/access';
import { ProxyError } from '@oci-package-proxy/errors';
import { currentExchange, type Gate, loggablePath, type RouteTable } from '@oci-package-proxy/platform';

import { pathParts } from './http/request-path.ts';

const ANONYMOUS: Principal = { kind: 'anonymous', name: 'anonymous', tokenId: null };

/** Leads every request below the registry's base to its handler. */
export class NpmDispatcher {
  readonly #table: RouteTable;
  readonly #gate: Gate;
  readonly #basePath: string;

  constructor(table: RouteTable, gate: Gate, basePath: string) {
    this.#table = table;
    this.#gate = gate;
    this.#basePath = basePath;
  }

  /** Answers a request. @throws ProxyError what the client is to be told; `not-found` without a route. */
  async dispatch(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const found = this.#table.find(request.method, pathParts(request.originalUrl, this.#basePath));
    const exchange = currentExchange();
    if (exchange !== null) {
      exchange.route = found === null ? 'none' : `/${found.route.pattern}`;
    }
    const who = found?.route.anybody === true ? ANONYMOUS : await this.#gate.authenticate(request);
    if (found === null) {
      throw new ProxyError('not-found', `${request.method} ${loggablePath(request.originalUrl)}: there is nothing here.`);
    }
    await found.route.handler({ request, reply, who, params: found.params });
  }
}
