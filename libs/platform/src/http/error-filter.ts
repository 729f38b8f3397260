import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { isProxyError } from '@oci-package-proxy/errors';

import { currentExchange } from '../logging/exchange.ts';
import type { Logger } from '../logging/logger.ts';
import { type ErrorAnswer, errorAnswer, isUnforeseen } from './error-answer.ts';
import type { HttpMounts } from './mounts.ts';
import { reasonPhrase } from './reason-phrase.ts';
import { loggablePath } from './request-path.ts';

const CHALLENGE = 'Basic realm="packages", Bearer realm="packages"';

/** The one place where an error becomes an answer: status by the table, body by the ecosystem, unforeseen ones logged and hidden. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  readonly #mounts: HttpMounts;
  readonly #logger: Logger;

  constructor(mounts: HttpMounts, logger: Logger) {
    this.#mounts = mounts;
    this.#logger = logger;
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  /** Answers `request` with `error`; cuts the connection when an answer is already under way. */
  answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const answer = errorAnswer(error, { method: request.method, path: loggablePath(request.originalUrl), requestId: currentExchange()?.requestId ?? '' });
    this.#note(error, answer, request);
    if (reply.raw.headersSent || reply.sent) {
      // An end would look like a whole body to the client.
      reply.raw.destroy();
      return;
    }
    const encoded = this.#mounts.errorBody(request.originalUrl)(answer, { url: request.originalUrl, accept: request.headers.accept });
    reply.raw.removeHeader('warning');
    reply.removeHeader('content-length').removeHeader('etag').removeHeader('cache-control').removeHeader('last-modified').removeHeader('content-encoding');
    reply.header('cache-control', 'no-store').headers(headersOf(answer)).headers(encoded.headers ?? {});
    if (encoded.reason !== undefined) {
      reply.raw.statusMessage = reasonPhrase(encoded.reason);
    }
    reply.code(answer.status).header('content-type', encoded.contentType).send(Buffer.from(encoded.body));
  }

  #note(error: unknown, answer: ErrorAnswer, request: FastifyRequest): void {
    const exchange = currentExchange();
    const gone = request.raw.socket.destroyed;
    const code = gone ? 'aborted' : answer.code;
    if (exchange !== null) {
      exchange.failure = { code, message: isProxyError(error) ? error.message : answer.message };
    }
    // A client that leaves makes whatever was going on fail, in any way.
    if (!gone && isUnforeseen(error)) {
      this.#logger.error({ err: error }, 'request failed unexpectedly');
    }
  }
}

function headersOf(answer: ErrorAnswer): Record<string, string> {
  return {
    ...(answer.status === 401 && { 'www-authenticate': CHALLENGE }),
    ...(answer.retryAfterMs !== undefined && { 'retry-after': String(Math.max(1, Math.ceil(answer.retryAfterMs / 1000))) }),
  };
}
