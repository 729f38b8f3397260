import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

import { LRUCache } from 'lru-cache';

/** Below this many bytes compression saves no packet. */
const GZIP_BYTES = 1024;
/** Room for a few hundred pages of projects with thousands of files, with their compressed form. */
const CACHE_BYTES = 96 * 2 ** 20;

/** A page as it is sent. */
export interface EncodedPage {
  readonly bytes: Buffer;
  /** The same, compressed; left out where that saves nothing. */
  readonly gzip?: Buffer;
}

/** Encoded pages, compressed once; made once for all who wait. */
export class EncodedPages {
  readonly #cache: LRUCache<string, EncodedPage>;
  readonly #flights = new Map<string, Promise<EncodedPage>>();

  /** @param cacheBytes all pages together. */
  constructor(cacheBytes: number = CACHE_BYTES) {
    this.#cache = new LRUCache({ maxSize: cacheBytes, sizeCalculation: ({ bytes, gzip: packed }, key) => bytes.length + (packed?.length ?? 0) + key.length + 512 });
  }

  /** The page of `key`, which names everything that it is made of: index, project, revision, form, base of its URLs. */
  async get(key: string, encode: () => Buffer): Promise<EncodedPage> {
    return this.#cache.get(key) ?? this.#flights.get(key) ?? this.#start(key, encode);
  }

  #start(key: string, encode: () => Buffer): Promise<EncodedPage> {
    const flight = packed(encode)
      .then((page) => {
        this.#cache.set(key, page);
        return page;
      })
      .finally(() => this.#flights.delete(key));
    this.#flights.set(key, flight);
    return flight;
  }
}

async function packed(encode: () => Buffer): Promise<EncodedPage> {
  const bytes = encode();
  return bytes.length < GZIP_BYTES ? { bytes } : { bytes, gzip: await promisify(gzip)(bytes) };
}
