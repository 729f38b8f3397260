import { AsyncLocalStorage } from 'node:async_hooks';

/** What is known about a request or job while it runs; every log line written meanwhile carries it. */
export interface Exchange {
  readonly requestId: string;
  /** Names for the log line: ecosystem, package, version, principal, cache … */
  readonly fields: Record<string, string | number | boolean>;
  /** The route's pattern, for metrics: bounded, unlike the path. */
  route: string | null;
  /** The ecosystem whose mount the request came in under, for metrics. */
  ecosystem: string | null;
  /** Why the answer failed or broke off, once it did. */
  failure: { readonly code: string; readonly message: string } | null;
  /** Marks the answer as older than it should be; null where there is no answer. */
  warn: ((text: string) => void) | null;
}

const exchanges = new AsyncLocalStorage<Exchange>();

/** Runs `work` so that {@link currentExchange} and every log line inside know of `exchange`. */
export function withExchange<T>(exchange: Exchange, work: () => T): T {
  return exchanges.run(exchange, work);
}

/** A new exchange, for a request or for a job of the queue. */
export function newExchange(requestId: string): Exchange {
  return { requestId, fields: {}, route: null, ecosystem: null, failure: null, warn: null };
}

/** The exchange that the caller runs in, or null outside of any. */
export function currentExchange(): Exchange | null {
  return exchanges.getStore() ?? null;
}

/** Adds names (ecosystem, package, version, principal, cache result …) to the log lines of the running request. Never secrets. */
export function annotateRequest(fields: Readonly<Record<string, string | number | boolean>>): void {
  const exchange = currentExchange();
  if (exchange !== null) {
    Object.assign(exchange.fields, fields);
  }
}

/** Marks the answer of the running request as one of what was known at `asOf` (milliseconds since the epoch), as storage cannot be asked: RFC 7234 §5.5.1. */
export function markOld(asOf: number): void {
  currentExchange()?.warn?.(`110 oci-package-proxy "storage cannot be asked; as of ${new Date(asOf).toISOString()}"`);
}
