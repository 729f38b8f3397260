import { getCACertificates } from 'node:tls';

import { Agent } from 'undici';

import type { OpenAnswer, RegistryRequest } from './exchange.ts';
import { networkFailure } from './failures.ts';
import { throwIfAborted } from './abort.ts';
import { HostLimiter } from './host-limiter.ts';

/** Time limits, each in milliseconds. */
export interface TransportTimeouts {
  /** Until a connection stands. */
  readonly connectMs: number;
  /** From the request to the answer's headers. */
  readonly headersMs: number;
  /** The same for the PUT of a blob, which some registries answer only after moving it to its place. */
  readonly uploadMs: number;
  /** Between two pieces of an answer's body. */
  readonly bodyIdleMs: number;
}

/** Limits that suit any registry. */
export const DEFAULT_TIMEOUTS: TransportTimeouts = { connectMs: 10_000, headersMs: 60_000, uploadMs: 600_000, bodyIdleMs: 60_000 };

const USER_AGENT = 'oci-package-proxy';

/** Sends single requests over undici: no retry, no redirect, no credential of its own. */
export class Transport {
  readonly #agent: Agent;
  readonly #limiter: HostLimiter;
  readonly #timeouts: TransportTimeouts;
  readonly #registry: URL;

  constructor(options: { registry: URL; maxConnections: number; timeouts: TransportTimeouts; ca?: string | undefined }) {
    // An own CA is added to the machine's: redirects lead to hosts that have other certificates.
    const ca = options.ca === undefined ? {} : { ca: [...getCACertificates('default'), options.ca] };
    // HTTP/1.1: one body a connection, so that one slow reader cannot hold up the flow control window of all others.
    this.#agent = new Agent({ allowH2: false, connect: { timeout: options.timeouts.connectMs, ...ca }, maxHeaderSize: 65_536 });
    this.#limiter = new HostLimiter(options.maxConnections);
    this.#timeouts = options.timeouts;
    this.#registry = options.registry;
  }

  /** @throws ProxyError `storage-unavailable` without an answer, `aborted`, or what the request's own body failed with. */
  async send(request: RegistryRequest): Promise<OpenAnswer> {
    const places = { lane: request.lane ?? 'request', signal: request.signal, subject: request.subject } as const;
    return this.#limiter.run(request.url.host, places, () => this.#dispatch(request));
  }

  /** Breaks off what is under way and closes all connections. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #dispatch(request: RegistryRequest): Promise<OpenAnswer> {
    throwIfAborted(request.signal, request.subject);
    const body = typeof request.body === 'function' ? request.body() : (request.body ?? null);
    try {
      const answer = await this.#agent.request({
        origin: request.url.origin,
        path: request.url.pathname + request.url.search,
        method: request.method,
        headers: { 'user-agent': USER_AGENT, 'accept-encoding': 'identity', ...request.headers },
        body,
        signal: request.signal ?? null,
        headersTimeout: request.lane === 'upload' ? this.#timeouts.uploadMs : this.#timeouts.headersMs,
        bodyTimeout: this.#timeouts.bodyIdleMs,
      });
      // A body that is let go of before its end emits an error, which without any listener would end the process.
      answer.body.on('error', () => undefined);
      const foreign = request.url.origin !== this.#registry.origin;
      return { status: answer.statusCode, headers: answer.headers, body: answer.body, url: request.url, foreign };
    } catch (error) {
      throw networkFailure(error, request);
    }
  }
}
