import { LRUCache } from 'lru-cache';

import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import type { UpstreamDocument, UpstreamDocuments } from '@oci-package-proxy/upstream';

import type { DocumentWorkshop } from '../documents/document-workshop.ts';
import type { JsonObject } from '../documents/packument.ts';
import { type IndexEntry, indexEntry, type PackumentIndex } from '../documents/packument-index.ts';
import { isObject, member } from '../documents/packument.ts';
import { escapedName } from '../package-name.ts';

const INDEX_ENTRIES = 400_000;
const CURRENT_MS = 5 * 60_000;
const JSON_TYPE = 'application/json';

/** How upstream is asked. */
export interface UpstreamCall {
  readonly signal?: AbortSignal | undefined;
  /** Passes over what is cached. */
  readonly fresh?: boolean;
}

/** Upstream's package documents: always the full form, kept in one cached form. */
export class UpstreamPackuments {
  readonly #documents: UpstreamDocuments;
  readonly #base: string;
  readonly #workshop: DocumentWorkshop;
  /** By name and revision; counted by versions. */
  readonly #indexes = new LRUCache<string, PackumentIndex>({ maxSize: INDEX_ENTRIES, sizeCalculation: ({ entries }) => entries.length + 1 });
  readonly #indexing = new Map<string, Promise<PackumentIndex>>();
  /** Only for a while: upstream may change its mind, and then the next document says so. */
  readonly #current = new LRUCache<string, string>({ maxSize: 100_000, sizeCalculation: () => 1, ttl: CURRENT_MS });

  constructor(documents: UpstreamDocuments, upstreamUrl: string, workshop: DocumentWorkshop) {
    this.#documents = documents;
    this.#base = upstreamUrl.replace(/\/+$/, '');
    this.#workshop = workshop;
  }

  /**
   * The document of a package, null when upstream has none.
   * @throws ProxyError as `UpstreamDocuments.get`; never `not-found`.
   */
  async document(name: string, call: UpstreamCall = {}): Promise<UpstreamDocument | null> {
    try {
      return await this.#documents.get({ url: `${this.#base}/${escapedName(name)}`, accept: JSON_TYPE, signal: call.signal, fresh: call.fresh ?? false });
    } catch (error) {
      // For whoever asks, a document that cannot be taken is one that cannot be had.
      throw isProxyError(error, 'too-large') ? new ProxyError('upstream-unavailable', error.message, { cause: error }) : error;
    }
  }

  /** The index of a document, made once for all who wait: each making takes a copy of the document. @throws ProxyError `upstream-unavailable` when it is no packument. */
  async index(name: string, document: UpstreamDocument): Promise<PackumentIndex> {
    const key = `${name} ${document.revision}`;
    const known = this.#indexes.get(key) ?? this.#indexing.get(key);
    if (known !== undefined) {
      return known;
    }
    const making = this.#makeIndex(name, document).finally(() => this.#indexing.delete(key));
    this.#indexing.set(key, making);
    return making;
  }

  async #makeIndex(name: string, document: UpstreamDocument): Promise<PackumentIndex> {
    const index = await this.#workshop.run({ kind: 'index', name, bytes: document.bytes });
    if (index === null) {
      throw noPackument(name);
    }
    this.keepIndex(name, document.revision, index);
    return index;
  }

  /** Keeps an index that came as a by-product. */
  keepIndex(name: string, revision: string, index: PackumentIndex): void {
    this.#indexes.set(`${name} ${revision}`, index);
    this.#current.set(name, revision);
  }

  /** The index that was made of this package last, if it is still there. */
  lastIndex(name: string): PackumentIndex | null {
    const revision = this.#current.get(name);
    return revision === undefined ? null : (this.#indexes.get(`${name} ${revision}`) ?? null);
  }

  /** Where one version's tarball is, from upstream's small document of that version; null when it cannot be had: then the whole one tells. */
  async versionEntry(name: string, version: string, call: UpstreamCall): Promise<IndexEntry | null> {
    const url = `${this.#base}/${escapedName(name)}/${encodeURIComponent(version)}`;
    const document = await this.#optional(url, call);
    const manifest = document === null ? null : parseObject(document.bytes);
    const dist = manifest === null ? undefined : member(manifest, 'dist');
    return manifest !== null && member(manifest, 'version') === version && isObject(dist) ? indexEntry(version, dist) : null;
  }

  /** Not every registry has this document; whether upstream is there at all, the whole one shows. */
  async #optional(url: string, { signal }: UpstreamCall): Promise<UpstreamDocument | null> {
    try {
      return await this.#documents.get({ url, accept: JSON_TYPE, signal });
    } catch (error) {
      if (isProxyError(error, 'aborted')) {
        throw error;
      }
      return null;
    }
  }

  /** Upstream's attestations of a version, as they are; null when there are none. */
  async attestations(name: string, version: string, call: UpstreamCall): Promise<UpstreamDocument | null> {
    const url = `${this.#base}/-/npm/v1/attestations/${escapedName(name)}@${encodeURIComponent(version)}`;
    return this.#documents.get({ url, accept: JSON_TYPE, signal: call.signal });
  }
}

/** What is thrown for an answer of upstream's that is no packument. */
export function noPackument(name: string): ProxyError {
  return new ProxyError('upstream-unavailable', `Reading ${name} from upstream: what it answered is no package document. Check NPM_UPSTREAM_URL.`);
}

function parseObject(bytes: Buffer): JsonObject | null {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
