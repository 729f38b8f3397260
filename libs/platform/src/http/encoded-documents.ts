import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

import { LRUCache } from 'lru-cache';

/** Below this many bytes compression saves no packet. */
const GZIP_BYTES = 1024;

/** A document as it was made. */
export interface RenderedDocument {
  readonly bytes: Uint8Array;
  /** Changes if and only if the bytes do. */
  readonly revision: string;
}

/** A document as it is sent. */
export interface EncodedDocument {
  readonly bytes: Buffer;
  /** The same, compressed; left out where that saves nothing. */
  readonly gzip?: Buffer;
  readonly revision: string;
}

/** Encoded documents, compressed once; made once for all who wait. */
export class EncodedDocuments {
  readonly #cache: LRUCache<string, EncodedDocument>;
  readonly #flights = new Map<string, Promise<EncodedDocument | null>>();

  /** @param cacheBytes all documents together, with their compressed forms. */
  constructor(cacheBytes: number) {
    this.#cache = new LRUCache({ maxSize: cacheBytes, sizeCalculation: ({ bytes, gzip: packed }, key) => bytes.length + (packed?.length ?? 0) + key.length + 512 });
  }

  /**
   * The document of `key`, which names everything that it is made of.
   * @param render makes one that is not cached; null: there is none, which is not remembered.
   */
  async get<R extends RenderedDocument | null>(key: string, render: () => Promise<R> | R): Promise<EncodedDocument | (R & null)> {
    const cached = this.#cache.get(key);
    if (cached !== undefined) {
      return cached;
    }
    // Whoever waits for the same key renders the same, null included.
    return (this.#flights.get(key) ?? this.#start(key, render)) as Promise<EncodedDocument | (R & null)>;
  }

  #start(key: string, render: () => Promise<RenderedDocument | null> | RenderedDocument | null): Promise<EncodedDocument | null> {
    const flight = this.#encode(key, render).finally(() => this.#flights.delete(key));
    this.#flights.set(key, flight);
    return flight;
  }

  async #encode(key: string, render: () => Promise<RenderedDocument | null> | RenderedDocument | null): Promise<EncodedDocument | null> {
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
