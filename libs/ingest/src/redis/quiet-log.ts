import type { IngestLogger } from '../logger.ts';

/** A client that cannot connect says so many times a second. */
const EVERY_MS = 10_000;

/** Warns at most once in ten seconds, and says how often it kept quiet. */
export class QuietLog {
  readonly #logger: IngestLogger;
  readonly #message: string;
  readonly #fields: Readonly<Record<string, unknown>>;
  #nextAt = 0;
  #suppressed = 0;

  constructor(logger: IngestLogger, message: string, fields: Readonly<Record<string, unknown>> = {}) {
    this.#logger = logger;
    this.#message = message;
    this.#fields = fields;
  }

  warn(err: unknown): void {
    const now = Date.now();
    if (now < this.#nextAt) {
      this.#suppressed += 1;
      return;
    }
    this.#nextAt = now + EVERY_MS;
    this.#logger.warn({ ...this.#fields, err, suppressed: this.#suppressed }, this.#message);
    this.#suppressed = 0;
  }
}
