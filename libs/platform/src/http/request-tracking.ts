import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import { newExchange, type Exchange, withExchange } from '../logging/exchange.ts';
import type { Logger } from '../logging/logger.ts';
import { requestIdOf } from '../logging/request-id.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { HttpMounts } from './mounts.ts';
import { loggablePath } from './request-path.ts';
import { onSocketClose } from './socket-close.ts';

/** After an answer that did not wait for the request's body, the sender has this long (ms) to stop sending it. */
const LINGER_MS = 10_000;
const QUIET = new Set(['/livez', '/readyz']);

interface Bytes {
  readonly read: number;
  readonly written: number;
}

/** What {@link trackRequests} needs. */
export interface TrackingOptions {
  readonly logger: Logger;
  readonly mounts: HttpMounts;
  readonly metrics?: Metrics;
}

/**
 * Puts `handler` into an exchange of its own, with a request id that is also in the answer, and logs and counts every
 * request when it is over, however it ends. It stands around Fastify, whose hooks miss malformed URLs and broken answers.
 */
export function trackRequests(handler: RequestListener, options: TrackingOptions): RequestListener {
  const counted = new WeakMap<Socket, Bytes>();
  return (request, response) => {
    const exchange = newExchange(requestIdOf(request));
    const url = request.url ?? '/';
    exchange.ecosystem = options.mounts.find(url)?.ecosystem ?? null;
    response.setHeader('x-request-id', exchange.requestId);
    exchange.warn = (text) => {
      if (!response.headersSent) {
        response.setHeader('warning', text);
      }
    };
    const started = performance.now();
    const socket = request.socket;
    whenOver(response, socket, () => {
      const now = { read: socket.bytesRead, written: socket.bytesWritten };
      const before = counted.get(socket) ?? { read: 0, written: 0 };
      counted.set(socket, now);
      const bytes = { read: now.read - before.read, written: now.written - before.written };
      report(options, { request, response, exchange, url, bytes, seconds: (performance.now() - started) / 1000 });
      linger(request, socket);
    });
    withExchange(exchange, () => handler(request, response));
  };
}

// The answer of a pipelined request may never close itself when the connection does.
function whenOver(response: ServerResponse, socket: Socket, done: () => void): void {
  const once = (): void => {
    response.off('close', once);
    forget();
    done();
  };
  response.once('close', once);
  const forget = onSocketClose(socket, once);
}

interface Outcome {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly exchange: Exchange;
  readonly url: string;
  readonly bytes: Bytes;
  readonly seconds: number;
}

function report(options: TrackingOptions, outcome: Outcome): void {
  const { request, response, exchange, bytes, seconds } = outcome;
  const path = loggablePath(outcome.url);
  const whole = response.writableFinished;
  const status = response.headersSent ? response.statusCode : 499;
  const level = QUIET.has(path) && status < 400 ? 'debug' : 'info';
  const line = {
    method: request.method,
    path,
    status,
    durationMs: Math.round(seconds * 1000),
    bytesIn: bytes.read,
    bytesOut: bytes.written,
    remote: request.socket.remoteAddress,
    userAgent: request.headers['user-agent']?.slice(0, 256),
    ...(!whole && { brokenOff: true }),
    ...(exchange.failure !== null && { failure: exchange.failure }),
  };
  withExchange(exchange, () => options.logger[level](line, 'request'));
  const labels = { ecosystem: exchange.ecosystem ?? 'none', route: exchange.route ?? 'none' };
  options.metrics?.httpRequests.inc({ ...labels, status: String(status) });
  options.metrics?.httpDuration.observe(labels, seconds);
  options.metrics?.bytes.inc({ direction: 'in' }, bytes.read);
  options.metrics?.bytes.inc({ direction: 'out' }, bytes.written);
}

/** Node reads and drops the rest of a body that nobody wanted; this bounds how long it does. */
function linger(request: IncomingMessage, socket: Socket): void {
  if (request.complete || socket.destroyed) {
    return;
  }
  const timer = setTimeout(() => {
    if (!request.complete) {
      socket.destroy();
    }
  }, LINGER_MS);
  timer.unref();
}
