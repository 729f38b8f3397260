import type { FastifyInstance } from 'fastify';

import { ProxyError } from '@oci-package-proxy/errors';

import { currentExchange } from '../logging/exchange.ts';

/** Makes every body, of whatever content type or none, reach the handler as the untouched request stream. */
export function passBodiesThrough(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
}

/** Tells the running exchange its route, and stops requests that went out from here and came back. */
export function addRequestHooks(fastify: FastifyInstance, instanceId: string): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    const exchange = currentExchange();
    if (exchange !== null && !request.is404) {
      exchange.route = request.routeOptions.url ?? null;
    }
    done(cameFrom(request.headers.via, instanceId) ? new ProxyError('loop', loopText) : undefined);
  });
}

const loopText = 'This request came from this proxy itself: an upstream is configured, or answers, with our own address.';

/** Whether `via` (RFC 9110 §7.6.3) names `instanceId` as a recipient. */
export function cameFrom(via: string | readonly string[] | undefined, instanceId: string): boolean {
  const hops = (Array.isArray(via) ? via.join(',') : String(via ?? '')).split(',');
  return hops.some((hop) => hop.trim().split(/\s+/)[1] === instanceId);
}
