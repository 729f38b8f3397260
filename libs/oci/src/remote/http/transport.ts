import { getCACertificates } from 'node:tls';

import { Agent } from 'undici';

import { throwIfAborted } from './abort.ts';
import { certifiedConnector, type ClientCertificate } from './client-certificate.ts';
import type { OpenAnswer, RegistryRequest } from './exchange.ts';
import { networkFailure } from './failures.ts';
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

/** How a {@link Transport} sends. */
export interface TransportOptions {
  readonly registry: URL;
  readonly maxConnections: number;
  readonly timeouts: TransportTimeouts;
  /** PEM certificates that are trusted besides the machine's. */
  readonly ca?: string | undefined;
  /** Shown to the registry, and to no other host that it sends us to. */
  readonly clientCertificate?: ClientCertificate | undefined;
}

/** Sends single requests over undici: no retry, no redirect, no credential of its own. */
export class Transport {
  readonly #agent: Agent;
  /** For the registry's own origin. */
  readonly #registryAgent: Agent;
  readonly #limiter: HostLimiter;
  readonly #timeouts: TransportTimeouts;
  readonly #registry: URL;

  constructor(options: TransportOptions) {
    // An own CA is added to the machine's: redirects lead to hosts that have other certificates.
    const ca = options.ca === undefined ? {} : { ca: [...getCACertificates('default'), options.ca] };
    const connect = { timeout: options.timeouts.connectMs, ...ca };
    this.#agent = agentOf(connect);
    this.#registryAgent = options.clientCertificate === undefined ? this.#agent : agentOf(certifiedConnector(options.clientCertificate, connect));
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
    await Promise.all([this.#agent.destroy(), this.#registryAgent.destroy()]);
  }

  async #dispatch(request: RegistryRequest): Promise<OpenAnswer> {
    throwIfAborted(request.signal, request.subject);
    const body = typeof request.body === 'function' ? request.body() : (request.body ?? null);
    const foreign = request.url.origin !== this.#registry.origin;
    try {
      const answer = await (foreign ? this.#agent : this.#registryAgent).request({
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
      return { status: answer.statusCode, headers: answer.headers, body: answer.body, url: request.url, foreign };
    } catch (error) {
      throw networkFailure(error, request);
    }
  }
}

function agentOf(connect: Agent.Options['connect']): Agent {
  // HTTP/1.1: one body a connection, so that one slow reader cannot hold up the flow control window of all others.
  return new Agent({ allowH2: false, ...(connect === undefined ? {} : { connect }), maxHeaderSize: 65_536 });
}
