import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

import { LRUCache } from 'lru-cache';

/** Below this many bytes compression saves no packet. */
const GZIP_BYTES = 1024;
/** Room for the largest packuments there are, some 100 MB, with their compressed form. */
const CACHE_BYTES = 160 * 2 ** 20;

/** A document as it is sent. */
export interface EncodedDocument {
  readonly bytes: Buffer;
  readonly gzip?: Buffer;
  /** Changes if and only if the bytes do. */
  readonly revision: string;
}

/** What makes a document that is not cached; null: there is none, which is not remembered. */
export type Render = () => Promise<{ readonly bytes: Uint8Array; readonly revision: string } | null>;

/** Encoded documents, compressed once; made once for all who wait. */
export class EncodedDocuments {
  readonly #cache: LRUCache<string, EncodedDocument>;
  readonly #flights = new Map<string, Promise<EncodedDocument | null>>();

  /** @param cacheBytes all documents together. */
  constructor(cacheBytes: number = CACHE_BYTES) {
    this.#cache = new LRUCache({ maxSize: cacheBytes, sizeCalculation: ({ bytes, gzip: packed }, key) => bytes.length + (packed?.length ?? 0) + key.length + 512 });
  }

  /** The document of `key`, which names everything that it is made of. */
  async get(key: string, render: Render): Promise<EncodedDocument | null> {
    const cached = this.#cache.get(key);
    if (cached !== undefined) {
      return cached;
    }
    const flight = this.#flights.get(key) ?? this.#start(key, render);
    return flight;
  }

  #start(key: string, render: Render): Promise<EncodedDocument | null> {
    const flight = this.#encode(key, render).finally(() => this.#flights.delete(key));
    this.#flights.set(key, flight);
    return flight;
  }

  async #encode(key: string, render: Render): Promise<EncodedDocument | null> {
    const rendered = await render();
    if (rendered === null) {
      return null;
    }
    const bytes = Buffer.from(rendered.bytes.buffer, rendered.bytes.byteOffset, rendered.bytes.byteLength);
    const packed = bytes.length < GZIP_BYTES ? undefined : await promisify(gzip)(bytes);
    const encoded: EncodedDocument = { bytes, revision: rendered.revision, ...(packed === undefined ? {} : { gzip: packed }) };
    this.#cache.set(key, encoded);
    return encoded;
  }
}
