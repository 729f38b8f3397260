import type { Readable } from 'node:stream';

import { isProxyError, ProxyError, redactUrl } from '@oci-package-proxy/errors';

import { throwIfAborted } from '../abort.ts';
import { SILENT, type UpstreamLogger } from '../logger.ts';
import type { Upstream, UpstreamRequest, UpstreamResponse } from '../upstream-port.ts';
import { type AccessRule, AccessRules } from './access-rules.ts';
import { type Resolve, systemResolve } from './address-guard.ts';
import { type BreakerPolicy, CircuitBreaker, type CircuitState, DEFAULT_BREAKER } from './circuit-breaker.ts';
import { type Failure, isRetryableStatus, networkFailure, statusFailure, subjectOf } from './failures.ts';
import { headersForHop, redirectTarget } from './redirects.ts';
import { DEFAULT_RETRY, type UpstreamRetryPolicy, withRetries } from './retry.ts';
import { DEFAULT_TIMEOUTS, Transport, type UpstreamTimeouts } from './transport.ts';
import { viaOf } from './via.ts';

/** How a request to upstream ended, for metrics: `ok` is any answer but `missing` (404, 410). */
export type UpstreamResult = 'ok' | 'missing' | 'unavailable' | 'rate-limited' | 'denied' | 'loop' | 'policy' | 'aborted';

/** How {@link UpstreamClient} is made. */
export interface UpstreamClientOptions {
  /** Who we are in `Via`; the same on all replicas finds loops through any of them. */
  readonly instanceId: string;
  readonly access?: readonly AccessRule[];
  /** Whether a rule's credential may be shown, whatever some page links to; default: always. Asked at every request. */
  readonly mayUse?: (ruleUrl: string) => boolean;
  /** Origins, or URLs, of configured upstreams: these may have private addresses, everything else may not. */
  readonly allowedOrigins: readonly string[];
  /** Connections to one origin; default 64. */
  readonly maxConnections?: number;
  readonly timeouts?: Partial<UpstreamTimeouts>;
  readonly retry?: Partial<UpstreamRetryPolicy>;
  readonly breaker?: Partial<BreakerPolicy>;
  /** An HTTP proxy (`http://user:password@host:port`) that everything but the loopback interface is reached through. */
  readonly proxyUrl?: string;
  readonly logger?: UpstreamLogger;
  /** Told of every `get`, with the milliseconds until its headers or its failure. Must not throw. */
  readonly observe?: (result: UpstreamResult, ms: number) => void;
  /** Told when the circuit of an origin changes. Must not throw. */
  readonly onCircuit?: (state: CircuitState, origin: string) => void;
  /** How names are resolved; default: as the system does. */
  readonly resolve?: Resolve;
}

const MAX_REDIRECTS = 5;
const MAX_BREAKERS = 1_000;
const ENOUGH_OF_A_BODY = 65_536;
const USER_AGENT = 'oci-package-proxy';

type Outcome = { readonly answer: UpstreamResponse } | Failure;

/**
 * Outbound HTTP. From the outside in: retries before the first byte, redirects by hand, then for every hop the circuit
 * breaker of its origin, the address guard and the credential that belongs to exactly that URL.
 */
export class UpstreamClient implements Upstream {
  readonly #options: UpstreamClientOptions;
  readonly #access: AccessRules;
  readonly #allowed: ReadonlySet<string>;
  readonly #transport: Transport;
  readonly #breakers = new Map<string, CircuitBreaker>();
  readonly #logger: UpstreamLogger;

  constructor(options: UpstreamClientOptions) {
    this.#options = options;
    this.#logger = options.logger ?? SILENT;
    this.#access = new AccessRules(options.access ?? [], options.mayUse);
    this.#allowed = new Set(options.allowedOrigins.map((url) => new URL(url).origin));
    this.#transport = new Transport({
      allowedOrigins: this.#allowed,
      caFor: (url) => this.#access.caFor(url),
      maxConnections: options.maxConnections ?? 64,
      timeouts: { ...DEFAULT_TIMEOUTS, ...options.timeouts },
      resolve: options.resolve ?? systemResolve,
      proxyUrl: options.proxyUrl ?? null,
    });
  }

  async get(request: UpstreamRequest): Promise<UpstreamResponse> {
    const started = performance.now();
    try {
      const answer = await this.#get(request);
      this.#options.observe?.(answer.status === 404 || answer.status === 410 ? 'missing' : 'ok', performance.now() - started);
      return answer;
    } catch (error) {
      this.#options.observe?.(resultOf(error), performance.now() - started);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }

  async #get(request: UpstreamRequest): Promise<UpstreamResponse> {
    const url = URL.parse(request.url);
    if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
      throw new ProxyError('policy', `fetching ${redactUrl(request.url)}: only http and https URLs are fetched`);
    }
    const context = { subject: subjectOf(url), signal: request.signal };
    return withRetries({ ...DEFAULT_RETRY, ...this.#options.retry }, context, (last) => this.#attempt(url, request, last));
  }

  async #attempt(start: URL, request: UpstreamRequest, last: boolean): Promise<Outcome> {
    let url = start;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
      throwIfAborted(request.signal, subjectOf(url));
      const outcome = await this.#hop(url, start, request);
      if ('error' in outcome) {
        return outcome;
      }
      if (isRetryableStatus(outcome.answer.status) && !last) {
        await discard(outcome.answer.body);
        return { error: new ProxyError('upstream-unavailable', `${subjectOf(url)}: ${url.host} answered ${outcome.answer.status}`), retryable: true, broken: false };
      }
      const target = redirectTarget(outcome.answer, url, this.#allowed);
      if (target === null) {
        return outcome;
      }
      await discard(outcome.answer.body);
      url = target;
    }
    const error = new ProxyError('upstream-unavailable', `${subjectOf(start)}: ${start.host} redirects more than ${MAX_REDIRECTS} times; check the upstream's URL`);
    return { error, retryable: false, broken: false };
  }

  async #hop(url: URL, start: URL, request: UpstreamRequest): Promise<Outcome> {
    const breaker = this.#breakerOf(url.origin);
    const before = breaker.state;
    const admission = breaker.admit();
    if (!admission.admitted) {
      const details = { retryAfterMs: Math.ceil(admission.retryAfterMs) };
      const error = new ProxyError('upstream-unavailable', `${subjectOf(url)}: ${url.host} has failed again and again and is left alone for a moment`, details);
      return { error, retryable: false, broken: false };
    }
    const outcome = await this.#send(url, start, request);
    if ('answer' in outcome) {
      breaker.answered();
    } else if (outcome.broken) {
      breaker.failed();
    } else if (outcome.error.code === 'aborted' || outcome.error.code === 'policy') {
      breaker.abandoned();
    } else {
      breaker.answered();
    }
    this.#report(before, breaker.state, url.origin);
    return outcome;
  }

  async #send(url: URL, start: URL, request: UpstreamRequest): Promise<Outcome> {
    const authorization = this.#access.authorizationFor(url);
    const own = headersForHop(request.headers ?? {}, url, start);
    const headers = {
      'user-agent': USER_AGENT,
      'accept-encoding': 'identity',
      ...own,
      ...(authorization !== null && { authorization }),
      via: viaOf(this.#options.instanceId, own['via']),
    };
    try {
      const answer = await this.#transport.send(url, headers, request.signal);
      const failure = statusFailure(answer.status, answer.headers, url);
      if (failure === null) {
        return { answer };
      }
      await discard(answer.body);
      return failure;
    } catch (error) {
      return networkFailure(error, url, request.signal);
    }
  }

  #breakerOf(origin: string): CircuitBreaker {
    const known = this.#breakers.get(origin);
    if (known !== undefined) {
      return known;
    }
    for (const [other, breaker] of this.#breakers) {
      if (this.#breakers.size < MAX_BREAKERS) {
        break;
      }
      if (breaker.state === 'closed') {
        this.#breakers.delete(other);
      }
    }
    const breaker = new CircuitBreaker({ ...DEFAULT_BREAKER, ...this.#options.breaker }, () => performance.now());
    this.#breakers.set(origin, breaker);
    return breaker;
  }

  #report(before: CircuitState, after: CircuitState, origin: string): void {
    if (before === after) {
      return;
    }
    this.#options.onCircuit?.(after, origin);
    this.#logger.warn({ origin, state: after }, 'the circuit of an upstream changed');
  }
}

function resultOf(error: unknown): UpstreamResult {
  if (isProxyError(error, 'upstream-denied')) {
    return 'denied';
  }
  for (const code of ['rate-limited', 'loop', 'policy', 'aborted'] as const) {
    if (isProxyError(error, code)) {
      return code;
    }
  }
  return 'unavailable';
}

/** Lets go of a body that nobody wants, so that its connection can be used again. */
async function discard(body: Readable): Promise<void> {
  let size = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > ENOUGH_OF_A_BODY) {
        return;
      }
    }
  } catch {
    // The answer is not used; that its rest did not arrive changes nothing.
  }
}
