import type { LoggerService } from '@nestjs/common';

import type { Logger } from './logger.ts';

/** Lets Nest's own messages come out as lines of our logger. What Nest calls `log` is `debug` here: it tells of routes and modules. */
export class NestLogger implements LoggerService {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  log(message: unknown, ...rest: unknown[]): void {
    this.#write('debug', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.#write('error', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.#write('warn', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.#write('debug', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.#write('trace', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.#write('fatal', message, rest);
  }

  #write(level: 'trace' | 'debug' | 'warn' | 'error' | 'fatal', message: unknown, rest: readonly unknown[]): void {
    const context = rest.findLast((item) => typeof item === 'string');
    const err = [message, ...rest].find((item) => item instanceof Error);
    this.#logger[level]({ context, err, detail: message instanceof Error ? undefined : message }, 'nest');
  }
}
