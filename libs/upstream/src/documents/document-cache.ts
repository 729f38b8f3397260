import { LRUCache } from 'lru-cache';

import { isProxyError, ProxyError, redactUrl, toProxyError } from '@oci-package-proxy/errors';

import { throwIfAborted, untilAborted } from '../abort.ts';
import { SILENT, type UpstreamLogger } from '../logger.ts';
import type { Upstream, UpstreamDocument, UpstreamDocuments } from '../upstream-port.ts';
import { fetchDocument, type StoredDocument } from './document-fetch.ts';

/** How {@link DocumentCache} is made; times in milliseconds, sizes in bytes. */
export interface DocumentCacheOptions {
  readonly upstream: Upstream;
  /** All documents together; default 128 MiB. The least recently used ones go. */
  readonly maxBytes?: number;
  /** One document, decoded; default 256 MiB. */
  readonly limitBytes?: number;
  /** How long a document is served without asking; default 5 minutes. */
  readonly ttlMs?: number;
  /** How long "there is none" is; default 30 s. */
  readonly negativeTtlMs?: number;
  /** How long upstream is left alone about a document after it failed; default 5 s. */
  readonly errorTtlMs?: number;
  /** How old a document may be that is served because upstream fails; default 7 days. */
  readonly maxStaleMs?: number;
  /** The longest that one fetch may take; default 5 minutes. */
  readonly fetchMs?: number;
  /** The longest that somebody waits for a newer document than the one that is there; default 5 s. Installers give up after 15. */
  readonly patienceMs?: number;
  readonly clock?: () => number;
  readonly logger?: UpstreamLogger;
}

interface Entry {
  /** null: none, or not known yet. */
  document: StoredDocument | null;
  /** When upstream last said what `document` is; null when it never has. */
  confirmedAt: number | null;
  failure: { readonly error: ProxyError; readonly until: number } | null;
}

interface Asked {
  readonly url: string;
  readonly accept: string;
}

const ENTRY_BYTES = 512;
const LONGEST_ERROR_MS = 30_000;

/**
 * Documents of upstream's in memory. One request for all who wait for the same document, which no single one of them
 * stops; conditional requests; the last document when upstream fails in whatever way or keeps silent; nothing is ever made into a
 * 404 that upstream did not say. `fresh` passes over the TTLs, not over a failure of seconds ago.
 */
export class DocumentCache implements UpstreamDocuments {
  readonly #options: Required<Omit<DocumentCacheOptions, 'upstream'>>;
  readonly #upstream: Upstream;
  readonly #entries: LRUCache<string, Entry>;
  readonly #flights = new Map<string, Promise<Entry>>();

  constructor(options: DocumentCacheOptions) {
    this.#upstream = options.upstream;
    this.#options = {
      maxBytes: options.maxBytes ?? 128 * 2 ** 20,
      limitBytes: options.limitBytes ?? 256 * 2 ** 20,
      ttlMs: options.ttlMs ?? 300_000,
      negativeTtlMs: options.negativeTtlMs ?? 30_000,
      errorTtlMs: options.errorTtlMs ?? 5_000,
      maxStaleMs: options.maxStaleMs ?? 7 * 86_400_000,
      fetchMs: options.fetchMs ?? 300_000,
      patienceMs: options.patienceMs ?? 5_000,
      clock: options.clock ?? Date.now,
      logger: options.logger ?? SILENT,
    };
    const { maxBytes } = this.#options;
    // One that is larger than all together may be is kept alone: fetching it again and again would cost more.
    this.#entries = new LRUCache({ maxSize: maxBytes, sizeCalculation: (entry, key) => Math.min(maxBytes, sizeOf(entry, key)) });
  }

  async get(request: Asked & { readonly signal?: AbortSignal; readonly fresh?: boolean }): Promise<UpstreamDocument | null> {
    const subject = `fetching ${redactUrl(request.url)}`;
    throwIfAborted(request.signal, subject);
    const key = keyOf(request);
    const cached = this.#entries.get(key);
    if (cached !== undefined && this.#isUsable(cached, request.fresh === true)) {
      return this.#answer(cached);
    }
    const flight = this.#flights.get(key) ?? this.#start(key, request);
    return this.#answer(await untilAborted(this.#patiently(flight, cached, subject), request.signal, subject));
  }

  /** What `flight` brings; after a while the document that is there, as if upstream had failed. The flight goes on, for those who come after. */
  async #patiently(flight: Promise<Entry>, cached: Entry | undefined, subject: string): Promise<Entry> {
    if (cached === undefined || cached.document === null || this.#isOld(cached)) {
      return flight;
    }
    const over = Promise.withResolvers<Entry>();
    const failure = { error: new ProxyError('upstream-unavailable', `${subject}: no answer yet; look at the upstream's health`), until: 0 };
    const timer = setTimeout(() => over.resolve({ ...cached, failure }), this.#options.patienceMs);
    try {
      return await Promise.race([flight, over.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  #isOld({ confirmedAt }: Entry): boolean {
    return confirmedAt === null || this.#options.clock() - confirmedAt > this.#options.maxStaleMs;
  }

  /** Forgets what is known of `url`, whatever was accepted. */
  forget(url: string): void {
    for (const key of [...this.#entries.keys(), ...this.#flights.keys()]) {
      if (key.endsWith(`\n${url}`)) {
        this.#entries.delete(key);
        this.#flights.delete(key);
      }
    }
  }

  #isUsable(entry: Entry, fresh: boolean): boolean {
    const now = this.#options.clock();
    if (entry.failure !== null && now < entry.failure.until) {
      return true;
    }
    if (fresh || entry.confirmedAt === null || entry.failure !== null) {
      return false;
    }
    return now - entry.confirmedAt < (entry.document === null ? this.#options.negativeTtlMs : this.#options.ttlMs);
  }

  /** @throws ProxyError of the entry's failure when there is nothing to serve instead. */
  #answer(entry: Entry): UpstreamDocument | null {
    const { document, confirmedAt, failure } = entry;
    if (failure === null && document === null) {
      return null;
    }
    if (document === null || confirmedAt === null || (failure !== null && this.#isOld(entry))) {
      throw failure?.error ?? new ProxyError('internal', 'a cached document has no time');
    }
    const { bytes, contentType, url, etag, revision } = document;
    return { bytes, contentType, url, etag, revision, confirmedAt, stale: failure !== null };
  }

  #start(key: string, asked: Asked): Promise<Entry> {
    const flight = this.#fetch(key, asked).then((entry) => {
      // Forgotten meanwhile: those who waited get it, nobody after them.
      if (this.#flights.get(key) === flight) {
        this.#flights.delete(key);
        this.#entries.set(key, entry);
      }
      return entry;
    });
    this.#flights.set(key, flight);
    return flight;
  }

  async #fetch(key: string, { url, accept }: Asked): Promise<Entry> {
    const before = this.#entries.peek(key);
    const known = before?.document ?? null;
    const signal = AbortSignal.timeout(this.#options.fetchMs);
    try {
      const document = await fetchDocument(this.#upstream, { url, accept, limitBytes: this.#options.limitBytes, known, signal });
      return { document, confirmedAt: this.#options.clock(), failure: null };
    } catch (error) {
      const failure = failureOf(error, url);
      this.#options.logger.warn({ url: redactUrl(url), code: failure.code, error: failure, stale: known !== null }, 'a document of upstream could not be fetched');
      const wait = Math.min(LONGEST_ERROR_MS, Math.max(this.#options.errorTtlMs, failure.retryAfterMs ?? 0));
      const confirmedAt = known === null ? null : (before?.confirmedAt ?? null);
      return { document: known, confirmedAt, failure: { error: failure, until: this.#options.clock() + wait } };
    }
  }
}

function failureOf(error: unknown, url: string): ProxyError {
  const failure = toProxyError(error, `fetching ${redactUrl(url)}`);
  if (!isProxyError(failure, 'aborted')) {
    return failure;
  }
  // No caller can abort the shared fetch: this was its own time limit, or the process is ending.
  return new ProxyError('upstream-unavailable', `fetching ${redactUrl(url)}: it took too long and was given up; look at the upstream's health`, { cause: error });
}

function keyOf({ url, accept }: Asked): string {
  return `${accept}\n${url}`;
}

function sizeOf(entry: Entry, key: string): number {
  return (entry.document?.bytes.length ?? 0) + key.length + ENTRY_BYTES;
}
