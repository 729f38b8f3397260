import { Readable } from 'node:stream';

import type { Authorizer } from '../auth/authorizer.ts';
import { throwIfAborted } from './abort.ts';
import { discard, readAnswer } from './body.ts';
import type { Answer, OpenAnswer, RegistryRequest } from './exchange.ts';
import { RETRYABLE_STATUS, statusFailure } from './failures.ts';
import { isDoubtful, Presence } from './presence.ts';
import { followRedirects } from './redirects.ts';
import { isUnavailable, type RetryPolicy, withRetries } from './retry.ts';
import type { Transport } from './transport.ts';
import type { WarningReporter } from './warnings.ts';

/** More than any answer but a manifest, a tag list or a blob needs. */
const SMALL_ANSWER = 262_144;

/** How an answer is read. */
export interface AskOptions {
  /** Longest body in bytes; default 256 KiB. */
  readonly maxBytes?: number;
  /** Looks at an answer before it counts; what it throws is retried like a failure of the request when `retryable` says so. */
  readonly accept?: (answer: Answer) => void;
  readonly retryable?: (error: unknown) => boolean;
}

/**
 * Talks to one registry. From the outside in: retries, then authorization (a 401 is answered with a new credential
 * and replayed once), then redirects, then the transport with its limit per host.
 */
export class RegistryClient {
  readonly #registry: URL;
  readonly #transport: Transport;
  readonly #authorizer: Authorizer;
  readonly #warnings: WarningReporter;
  readonly #presence: Presence;
  readonly retry: RetryPolicy;

  constructor(options: { registry: URL; transport: Transport; authorizer: Authorizer; warnings: WarningReporter; retry: RetryPolicy }) {
    this.#registry = options.registry;
    this.#transport = options.transport;
    this.#authorizer = options.authorizer;
    this.#warnings = options.warnings;
    this.retry = options.retry;
    this.#presence = new Presence(options.registry, (request) => this.askOnce(request));
  }

  /** The registry's URL, without path. */
  get registry(): URL {
    return this.#registry;
  }

  /** Sends an idempotent request and reads the answer, with retries. @throws ProxyError as `failures.ts` maps. */
  async ask(request: RegistryRequest, options: AskOptions = {}): Promise<Answer> {
    const context = { subject: request.subject, signal: request.signal, retryable: options.retryable ?? isUnavailable };
    return withRetries(this.retry, context, async () => {
      const answer = await this.askOnce(request, options.maxBytes);
      await this.#checkPresence(answer, request);
      options.accept?.(answer);
      return answer;
    });
  }

  /** The same without retries, for steps of an upload. */
  async askOnce(request: RegistryRequest, maxBytes: number = SMALL_ANSWER): Promise<Answer> {
    return readAnswer(await this.#attempt(request), request, maxBytes);
  }

  /** Once, without a credential, following nothing: what the registry says to a stranger. */
  async askBare(request: RegistryRequest, maxBytes: number = SMALL_ANSWER): Promise<Answer> {
    return readAnswer(await this.#transport.send(request), request, maxBytes);
  }

  /** Once, with user and password as we have them: for interfaces of a product beside `/v2/`, at the registry's own origin. */
  async askAsUser(request: RegistryRequest): Promise<Answer> {
    const authorization = await this.#authorizer.userAuthorization();
    const isOwn = request.url.origin === this.#registry.origin;
    return this.askBare({ ...request, headers: { accept: 'application/json', ...request.headers, ...(authorization !== null && isOwn && { authorization }) } });
  }

  /** Sends a GET whose body the caller streams, with retries until the headers are there. */
  async open(request: RegistryRequest): Promise<OpenAnswer> {
    return withRetries(this.retry, { subject: request.subject, signal: request.signal }, async () => {
      const answer = await this.#attempt(request);
      if (answer.status !== 404) {
        return answer;
      }
      const read = await readAnswer(answer, request, SMALL_ANSWER);
      await this.#checkPresence(read, request);
      return { ...answer, body: Readable.from([read.bytes], { objectMode: false }) };
    });
  }

  /** Reports something to the operator, once per text. */
  warn(text: string): void {
    this.#warnings.once(text);
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    await this.#transport.close();
  }

  async #checkPresence(answer: Answer, request: RegistryRequest): Promise<void> {
    if (isDoubtful(answer)) {
      await this.#presence.confirm(request);
    }
  }

  async #attempt(request: RegistryRequest): Promise<OpenAnswer> {
    throwIfAborted(request.signal, request.subject);
    const first = await this.#authorized(request);
    if (first.answer.status !== 401 || first.answer.foreign) {
      return this.#settled(first.answer, request);
    }
    const replay = await this.#authorizer.challenged(first.answer.headers['www-authenticate'], { access: request.access, used: first.authorization, subject: request.subject });
    if (!replay) {
      return first.answer;
    }
    await discard(first.answer.body);
    const second = await this.#authorized(request);
    return this.#settled(second.answer, request);
  }

  async #authorized(request: RegistryRequest): Promise<{ answer: OpenAnswer; authorization: string | null }> {
    const authorization = await this.#authorizer.authorization(request.access, request.signal);
    const send = (hop: RegistryRequest): Promise<OpenAnswer> => this.#transport.send(hop);
    const answer = await followRedirects(request, { registry: this.#registry, authorization, send });
    return { answer, authorization };
  }

  async #settled(answer: OpenAnswer, request: RegistryRequest): Promise<OpenAnswer> {
    if (!answer.foreign) {
      this.#warnings.header(answer.headers['warning']);
    }
    if (RETRYABLE_STATUS.has(answer.status)) {
      throw statusFailure(await readAnswer(answer, request, SMALL_ANSWER), request.subject);
    }
    return answer;
  }
}
