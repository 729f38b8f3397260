import { createHash, type Hash } from 'node:crypto';

import { ProxyError } from '@oci-package-proxy/errors';
import type { ExpectedContent } from '@oci-package-proxy/oci';

import type { SpooledFile } from './download-port.ts';

const ALGORITHMS = ['sha256', 'sha512', 'sha1', 'md5'] as const;

/** What is known of bytes once all of them were seen. Digests are lower-case hex. */
export type Content = Omit<SpooledFile, 'path'>;

/** Whether bytes may be served while they come in: sha1 and md5 can be forged, so a prefix of such a file proves nothing. */
export function isStrong(expected: ExpectedContent): boolean {
  return expected.sha256 !== undefined || expected.sha512 !== undefined;
}

/** Computes all digests in one pass. */
export class Digests {
  readonly #hashes: Readonly<Record<(typeof ALGORITHMS)[number], Hash>> = {
    sha256: createHash('sha256'),
    sha512: createHash('sha512'),
    sha1: createHash('sha1'),
    md5: createHash('md5'),
  };
  #size = 0;

  update(chunk: Buffer): void {
    this.#size += chunk.length;
    for (const algorithm of ALGORITHMS) {
      this.#hashes[algorithm].update(chunk);
    }
  }

  /** Ends it; may be called once. */
  finish(): Content {
    const { sha256, sha512, sha1, md5 } = this.#hashes;
    return { size: this.#size, sha256: sha256.digest('hex'), sha512: sha512.digest('hex'), sha1: sha1.digest('hex'), md5: md5.digest('hex') };
  }
}

/** @throws ProxyError `integrity` when `content` is not what it must be. */
export function checkContent(content: Content, expected: ExpectedContent, subject: string): void {
  if (expected.size !== undefined && content.size !== expected.size) {
    throw wrongContent(subject, `${content.size} bytes and not ${expected.size}`);
  }
  for (const algorithm of ALGORITHMS) {
    const wanted = expected[algorithm];
    if (wanted !== undefined && content[algorithm] !== wanted.toLowerCase()) {
      throw wrongContent(subject, `the ${algorithm} digest ${content[algorithm]} and not ${wanted}`);
    }
  }
}

/** The error of bytes that are not what they must be. */
export function wrongContent(subject: string, what: string): ProxyError {
  return new ProxyError('integrity', `The ${subject} came from upstream with ${what}; it was cut off and not kept. Compare upstream's index with the file itself.`);
}
