import { type DestinationStream, type Logger as PinoLogger, pino, stdSerializers } from 'pino';

import { isProxyError } from '@oci-package-proxy/errors';

import { currentExchange } from './exchange.ts';

/** Levels of {@link Logger}, most talkative first; `silent` says nothing. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** JSON lines: `logger.warn({ fields }, 'static message')`. Fields, never the message, hold what varies. */
export type Logger = PinoLogger;

/** How a {@link Logger} is made. */
export interface LoggerOptions {
  /** Name of the app, in every line. */
  readonly name: string;
  /** Default `info`. */
  readonly level?: LogLevel;
  /** Default: standard output. */
  readonly destination?: DestinationStream;
}

const SECRET_KEYS = ['authorization', 'password', 'token', 'secret', 'secretKey', 'cookie', '_authToken', '_auth', '_password', 'npm-otp', 'identityToken'];

/** A logger whose lines carry the running request's id and names, and whose well-known secret fields are redacted. */
export function createLogger(options: LoggerOptions): Logger {
  const settings = {
    name: options.name,
    level: options.level ?? 'info',
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: SECRET_KEYS.flatMap((key) => [`["${key}"]`, `*["${key}"]`, `headers["${key}"]`, `*.headers["${key}"]`]), censor: '[redacted]' },
    serializers: { err: errorFields, error: errorFields },
    formatters: { level: (label: string) => ({ level: label }) },
    mixin: exchangeFields,
  };
  return options.destination === undefined ? pino(settings) : pino(settings, options.destination);
}

/** Code and text of what a library foresaw; stack and cause as well of what nobody did. */
function errorFields(error: unknown): unknown {
  if (isProxyError(error) && error.code !== 'internal') {
    return { code: error.code, message: error.message, cause: error.cause instanceof Error ? error.cause.message : undefined };
  }
  return error instanceof Error ? stdSerializers.errWithCause(error) : error;
}

function exchangeFields(): object {
  const exchange = currentExchange();
  return exchange === null ? {} : { requestId: exchange.requestId, ...exchange.fields };
}
