import { Transform, type TransformCallback } from 'node:stream';

import { ProxyError } from '@oci-package-proxy/errors';

/**
 * Passes bytes through and fails with `integrity` unless there are exactly as many as were promised. Node would leave a
 * client waiting forever for the missing ones on a connection that stays open.
 */
export class ExactLength extends Transform {
  readonly #expected: number;
  #seen = 0;

  /** @param expected bytes. */
  constructor(expected: number) {
    super();
    this.#expected = expected;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#seen += chunk.length;
    if (this.#seen > this.#expected) {
      done(this.#wrong());
      return;
    }
    done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    done(this.#seen === this.#expected ? null : this.#wrong());
  }

  #wrong(): ProxyError {
    return new ProxyError('integrity', `Sending a file: its source gave ${this.#seen} bytes where ${this.#expected} were promised.`);
  }
}
