import type { IncomingHttpHeaders } from 'node:http';
import { getCACertificates } from 'node:tls';

import { Agent, type Dispatcher, ProxyAgent } from 'undici';

import type { UpstreamResponse } from '../upstream-port.ts';
import { checkLiteralAddress, checkResolvedAddress, guardedLookup, type Resolve } from './address-guard.ts';
import { NamedAddresses } from './named-addresses.ts';

/** Time limits, each in milliseconds. */
export interface UpstreamTimeouts {
  /** Until a connection stands. */
  readonly connectMs: number;
  /** From the request to the answer's headers. */
  readonly headersMs: number;
  /** Between two pieces of an answer's body. */
  readonly bodyIdleMs: number;
}

/** Limits that suit any upstream. */
export const DEFAULT_TIMEOUTS: UpstreamTimeouts = { connectMs: 10_000, headersMs: 30_000, bodyIdleMs: 30_000 };

/** What {@link Transport} is made with. */
export interface TransportOptions {
  /** Origins whose addresses may be private. */
  readonly allowedOrigins: ReadonlySet<string>;
  readonly caFor: (url: URL) => string | null;
  /** Connections to one origin. */
  readonly maxConnections: number;
  readonly timeouts: UpstreamTimeouts;
  readonly resolve: Resolve;
  /** An HTTP proxy that everything but the loopback interface is reached through. */
  readonly proxyUrl: string | null;
}

/** Sends single GETs over undici: no retry, no redirect, no credential of its own. */
export class Transport {
  readonly #options: TransportOptions;
  readonly #named: NamedAddresses;
  readonly #agents = new Map<string, Dispatcher>();

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#named = new NamedAddresses(options.allowedOrigins, options.resolve);
  }

  /** @throws what undici throws, or ProxyError `policy` from the address guard (possibly inside an AggregateError). */
  async send(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal | undefined): Promise<UpstreamResponse> {
    const guarded = !this.#options.allowedOrigins.has(url.origin);
    const proxied = this.#options.proxyUrl !== null && !isLoopbackName(url.hostname);
    if (guarded) {
      checkLiteralAddress(url);
    }
    if (guarded && proxied) {
      // The proxy resolves the name itself; what can be told from here is told from here.
      await checkResolvedAddress(url.hostname, this.#options.resolve);
    }
    const answer = await this.#agentFor(url, guarded, proxied).request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: 'GET',
      headers,
      signal: signal ?? null,
      headersTimeout: this.#options.timeouts.headersMs,
      bodyTimeout: this.#options.timeouts.bodyIdleMs,
    });
    // A body that is let go of before its end emits an error, which without any listener would end the process.
    answer.body.on('error', () => undefined);
    return { status: answer.statusCode, headers: flat(answer.headers), body: answer.body, url: url.href };
  }

  /** Breaks off what is under way and closes all connections. */
  async close(): Promise<void> {
    const agents = [...this.#agents.values()];
    this.#agents.clear();
    await Promise.all(agents.map((agent) => agent.destroy()));
  }

  #agentFor(url: URL, guarded: boolean, proxied: boolean): Dispatcher {
    const ca = this.#options.caFor(url);
    // What is allowed besides public addresses depends on scheme and port.
    const key = `${guarded ? `${url.protocol}${url.port}` : ''} ${proxied} ${ca ?? ''}`;
    const known = this.#agents.get(key);
    if (known !== undefined) {
      return known;
    }
    const agent = this.#agent(ca, guarded ? url : null, proxied);
    this.#agents.set(key, agent);
    return agent;
  }

  #agent(ca: string | null, guarded: URL | null, proxied: boolean): Dispatcher {
    // An own CA is added to the machine's: redirects lead to hosts that have other certificates.
    const tls = ca === null ? {} : { ca: [...getCACertificates('default'), ca] };
    const { connectMs } = this.#options.timeouts;
    // HTTP/1.1: one body a connection, so that one slow reader cannot hold up the flow control window of all others.
    const shared = { allowH2: false, connections: this.#options.maxConnections, maxHeaderSize: 65_536 };
    if (proxied && this.#options.proxyUrl !== null) {
      return new ProxyAgent({ ...shared, uri: this.#options.proxyUrl, connectTimeout: connectMs, requestTls: { ...tls, allowH2: false }, proxyTls: { ...tls, allowH2: false } });
    }
    const lookup = guarded === null ? {} : { lookup: guardedLookup(this.#options.resolve, async () => this.#named.besides(guarded)) };
    return new Agent({ ...shared, connect: { timeout: connectMs, autoSelectFamily: true, ...tls, ...lookup } });
  }
}

function isLoopbackName(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

function flat(headers: IncomingHttpHeaders): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) {
      result[name] = Array.isArray(value) ? value.join(', ') : value;
    }
  }
  return result;
}
