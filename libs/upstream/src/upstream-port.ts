import type { Readable } from 'node:stream';

/** A GET to the outside. */
export interface UpstreamRequest {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** An answer from the outside, its body not read yet. `body` must be consumed or destroyed. */
export interface UpstreamResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Content codings are as sent. */
  readonly body: Readable;
  /** After redirects. */
  readonly url: string;
}

/** Outbound HTTP: timeouts, retries of GET before the first byte, redirects by hand, credentials by URL prefix, SSRF guard, `Via`, circuit breaker per origin. */
export interface Upstream {
  /**
   * Any status below 500 but 429, 401, 403 and 407 is answered; the rest are errors.
   * @throws ProxyError `upstream-unavailable` (network, timeout, 5xx, open breaker), `rate-limited`, `upstream-denied`, `loop`, `policy` (SSRF guard), `aborted`.
   */
  get(request: UpstreamRequest): Promise<UpstreamResponse>;
  close(): Promise<void>;
}

/** A document of upstream's, whole. */
export interface UpstreamDocument {
  /** Decoded bytes. */
  readonly bytes: Buffer;
  readonly contentType: string;
  /** Where it came from, after redirects: what links in it are relative to. */
  readonly url: string;
  readonly etag: string | null;
  /** Changes if and only if the bytes do. */
  readonly revision: string;
  /** When upstream last confirmed it, ms since the epoch. */
  readonly confirmedAt: number;
  /** True when upstream could not be asked and this is the last that it said. */
  readonly stale: boolean;
}

/** Documents of upstream's, cached: TTL, conditional requests, one request for all who wait, stale-if-error, short negative cache. */
export interface UpstreamDocuments {
  /**
   * @returns null when upstream says that there is none (404, 410).
   * @throws ProxyError as {@link Upstream.get} does, when nothing is cached; `too-large`.
   */
  get(request: { readonly url: string; readonly accept: string; readonly signal?: AbortSignal; readonly fresh?: boolean }): Promise<UpstreamDocument | null>;
}
