import { createHash, type Hash } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';

import { ProxyError } from '@oci-package-proxy/errors';

/** How much of a body is held back until its digest is right, in bytes. */
export const HELD_BACK_BYTES: number = 64 * 1024;

/** What bytes must be; every digest given is checked. Digests are lower-case hex. */
export interface ExpectedContent {
  /** Bytes. */
  readonly size?: number;
  readonly sha256?: string;
  readonly sha512?: string;
  readonly sha1?: string;
  readonly md5?: string;
}

const ALGORITHMS = ['sha256', 'sha512', 'sha1', 'md5'] as const;

/**
 * Passes bytes through and keeps the last 64 KiB (of a shorter body all of it) back until size and digests are right:
 * destroying a stream after its last byte tells a client nothing. Fails with ProxyError `integrity` otherwise.
 */
export class VerifyingStream extends Transform {
  readonly #expected: ExpectedContent;
  readonly #subject: string;
  readonly #hashes: readonly (readonly [(typeof ALGORITHMS)[number], Hash])[];
  #held: Buffer[] = [];
  #heldBytes = 0;
  #total = 0;

  /** @param subject what the bytes are, for the error's text: "blob sha256:… of repository x". */
  constructor(expected: ExpectedContent, subject: string) {
    super();
    this.#expected = expected;
    this.#subject = subject;
    this.#hashes = ALGORITHMS.filter((algorithm) => expected[algorithm] !== undefined).map((algorithm) => [algorithm, createHash(algorithm)]);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#total += chunk.length;
    if (this.#expected.size !== undefined && this.#total > this.#expected.size) {
      done(this.#wrong(`more than the ${this.#expected.size} bytes it must have`));
      return;
    }
    for (const [, hash] of this.#hashes) {
      hash.update(chunk);
    }
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    this.#release();
    done();
  }

  override _flush(done: TransformCallback): void {
    if (this.#expected.size !== undefined && this.#total !== this.#expected.size) {
      done(this.#wrong(`${this.#total} bytes and not ${this.#expected.size}`));
      return;
    }
    for (const [algorithm, hash] of this.#hashes) {
      const digest = hash.digest('hex');
      if (digest !== this.#expected[algorithm]) {
        done(this.#wrong(`the ${algorithm} digest ${digest} and not ${this.#expected[algorithm]}`));
        return;
      }
    }
    for (const chunk of this.#held) {
      this.push(chunk);
    }
    this.#held = [];
    done();
  }

  #release(): void {
    while (this.#heldBytes > HELD_BACK_BYTES) {
      const first = this.#held[0];
      const surplus = this.#heldBytes - HELD_BACK_BYTES;
      if (first === undefined) {
        return;
      }
      if (first.length <= surplus) {
        this.#held.shift();
        this.push(first);
        this.#heldBytes -= first.length;
        continue;
      }
      this.#held[0] = first.subarray(surplus);
      this.push(first.subarray(0, surplus));
      this.#heldBytes -= surplus;
    }
  }

  #wrong(what: string): ProxyError {
    return new ProxyError('integrity', `The ${this.#subject} has ${what}; it was cut off.`);
  }
}
