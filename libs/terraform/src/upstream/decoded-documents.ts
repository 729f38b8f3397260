import { LRUCache } from 'lru-cache';

import { ProxyError, redactUrl } from '@oci-package-proxy/errors';
import type { UpstreamDocument } from '@oci-package-proxy/upstream';

import type { TerraformUpstream } from '../config/hosts.ts';
import type { ReadCall } from '../read/read-port.ts';
import { asUpstreamFailure } from './upstream-failure.ts';

/** From what age (ms) on a list of versions is asked for again: clients take what is in it, and cannot ask past an old one. */
export const LIST_MAX_AGE_MS = 60_000;
/** Bytes of the documents that are kept decoded. */
const MAX_BYTES = 32 * 2 ** 20;
/** What is kept of a document besides its bytes, roughly. */
const ENTRY_BYTES = 512;
/** A document that upstream confirmed so recently (ms) is not asked for again because something is not in it, nor because it is none. */
const RECENT_MS = 5_000;
/** How old (ms) a document may be that stands in for an answer that is none, as for an upstream that does not answer. */
const MAX_STALE_MS = 7 * 86_400_000;

/** A document as upstream has it now, or had it last. */
export interface Decoded<T> {
  readonly value: T;
  /** Changes if and only if the document does. */
  readonly revision: string;
  /** When upstream last confirmed it, ms since the epoch. */
  readonly confirmedAt: number;
  /** True when upstream could not be asked, and this is the last that it said. */
  readonly stale: boolean;
}

/** How documents of one kind are read. */
export interface DecodingOptions<T> {
  /** For errors: "list of versions". */
  readonly what: string;
  readonly accept: string;
  /** @returns null for what is no such document, such as what a gateway in between says. */
  decode(document: UpstreamDocument): T | null;
  /** How long (ms) the last document is taken as it is, while it is asked for again behind it; 0 when absent. */
  readonly trustMs?: number;
  /** From what age (ms) on a document is asked for again, where the shared cache would keep it longer. */
  readonly maxAgeMs?: number;
}

interface Known<T> extends Omit<Decoded<T>, 'stale'> {
  readonly bytes: number;
}

/** Documents of one kind from any upstream, decoded once per revision. */
export class DecodedDocuments<T> {
  readonly #options: DecodingOptions<T>;
  /** By upstream and URL. */
  readonly #known = new LRUCache<string, Known<T>>({ maxSize: MAX_BYTES, sizeCalculation: ({ bytes }) => Math.min(MAX_BYTES, bytes + ENTRY_BYTES), ttl: MAX_STALE_MS });
  readonly #refreshing = new Set<string>();

  constructor(options: DecodingOptions<T>) {
    this.#options = options;
  }

  /**
   * The document; null when upstream has none. For an answer that is no such document the last one stands in, as for none.
   * @throws ProxyError as `UpstreamDocuments.get`, and `upstream-unavailable` for an answer that is no such document.
   */
  async get(upstream: TerraformUpstream, url: string, call: ReadCall = {}): Promise<Decoded<T> | null> {
    const known = call.fresh === true ? undefined : this.#known.get(keyOf(upstream, url));
    if (known !== undefined && Date.now() - known.confirmedAt < (this.#options.trustMs ?? 0)) {
      void this.#refresh(upstream, url);
      return { ...known, stale: false };
    }
    const found = await this.#ask(upstream, url, call);
    return call.fresh !== true && this.#isOld(found) ? this.#ask(upstream, url, { ...call, fresh: true }) : found;
  }

  /** What `get` comes to, asked of upstream once more unless `has` is content or the document is of this very moment. */
  async getWith(upstream: TerraformUpstream, url: string, { has, ...call }: ReadCall & { readonly has: (value: T) => boolean }): Promise<Decoded<T> | null> {
    const found = await this.get(upstream, url, call);
    return found === null || has(found.value) || isOfThisMoment(found) ? found : this.get(upstream, url, { ...call, fresh: true });
  }

  /** What stands in for an upstream that fails was asked for just now. */
  #isOld(found: Decoded<T> | null): boolean {
    return found !== null && !found.stale && Date.now() - found.confirmedAt > (this.#options.maxAgeMs ?? Number.POSITIVE_INFINITY);
  }

  async #ask(upstream: TerraformUpstream, url: string, { signal, fresh = false }: ReadCall): Promise<Decoded<T> | null> {
    const document = await documentOf(upstream, { url, accept: this.#options.accept, signal, fresh });
    if (document === null) {
      this.#known.delete(keyOf(upstream, url));
      return null;
    }
    const { confirmedAt, stale } = document;
    const known = this.#decode(upstream, url, document);
    if (known !== null) {
      return { value: known.value, revision: known.revision, confirmedAt, stale };
    }
    // A failure is left alone for seconds, and so is this one: not for as long as a document is kept.
    return !fresh && Date.now() - confirmedAt > RECENT_MS ? this.#ask(upstream, url, { signal, fresh: true }) : this.#last(upstream, url);
  }

  /** Nobody waits for it; whoever needs a newer document hears of the failure. */
  async #refresh(upstream: TerraformUpstream, url: string): Promise<void> {
    const key = keyOf(upstream, url);
    if (this.#refreshing.has(key)) {
      return;
    }
    this.#refreshing.add(key);
    try {
      await this.#ask(upstream, url, {});
    } catch {
      // As above.
    } finally {
      this.#refreshing.delete(key);
    }
  }

  /** Null for what is no such document. */
  #decode(upstream: TerraformUpstream, url: string, document: UpstreamDocument): Known<T> | null {
    const key = keyOf(upstream, url);
    // Links in a document are relative to where it was found.
    const revision = `${document.revision} ${document.url}`;
    const known = this.#known.peek(key);
    const value = known?.revision === revision ? known.value : this.#options.decode(document);
    if (value === null) {
      return null;
    }
    const decoded = { value, revision, confirmedAt: document.confirmedAt, bytes: document.bytes.length };
    this.#known.set(key, decoded);
    return decoded;
  }

  #last(upstream: TerraformUpstream, url: string): Decoded<T> {
    const last = this.#known.peek(keyOf(upstream, url));
    if (last === undefined) {
      throw new ProxyError('upstream-unavailable', `Reading ${redactUrl(url)} from upstream ${upstream.host}: what it answered is no ${this.#options.what}. Check the URL of the upstream, and what stands before it.`);
    }
    return { ...last, stale: true };
  }
}

/** Whether upstream said it so recently that what is not in it is not there. */
export function isOfThisMoment({ confirmedAt, stale }: Pick<Decoded<unknown>, 'confirmedAt' | 'stale'>): boolean {
  return !stale && Date.now() - confirmedAt <= RECENT_MS;
}

async function documentOf({ documents }: TerraformUpstream, request: { readonly url: string; readonly accept: string; readonly signal: AbortSignal | undefined; readonly fresh: boolean }): Promise<UpstreamDocument | null> {
  try {
    return await documents.get(request);
  } catch (error) {
    throw asUpstreamFailure(error);
  }
}

function keyOf({ host, url: base }: TerraformUpstream, url: string): string {
  return `${host} ${base} ${url}`;
}
