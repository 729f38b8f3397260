import { ProxyError } from '@oci-package-proxy/errors';

const FIRST_CAPACITY = 16 * 1024;

/** Bytes that are collected in one buffer, up to a limit. */
export class GrowingBytes {
  readonly #limit: number;
  #buffer = Buffer.allocUnsafe(FIRST_CAPACITY);
  #size = 0;

  /** @param limit in bytes. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** In bytes. */
  get size(): number {
    return this.#size;
  }

  /** Copies `bytes` to the end. @throws ProxyError `too-large` over the limit. */
  append(bytes: Buffer): void {
    const size = this.#size + bytes.length;
    if (size > this.#limit) {
      throw new ProxyError('too-large', `The JSON of the body, its files apart, is larger than the ${this.#limit} bytes that are allowed here.`);
    }
    if (size > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(size, this.#buffer.length * 2));
      this.#buffer.copy(grown, 0, 0, this.#size);
      this.#buffer = grown;
    }
    bytes.copy(this.#buffer, this.#size);
    this.#size = size;
  }

  /** A view of what is collected; good until the next {@link append}. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#size);
  }
}
