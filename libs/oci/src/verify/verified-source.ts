import type { Readable } from 'node:stream';

import { ProxyError, toProxyError } from '@oci-package-proxy/errors';

import { isDigest } from '../model/digest.ts';
import type { BlobSource } from '../ports/repository.ts';
import { VerifyingStream } from './verifying-stream.ts';

/** @throws ProxyError `invalid` when no registry would take the blob: its digest is none, or it is empty. */
export function checkSource(source: BlobSource, subject: string): void {
  if (!isDigest(source.digest) || !Number.isSafeInteger(source.size) || source.size < 1) {
    throw new ProxyError('invalid', `${subject}: needs a sha256 digest and at least one byte; many registries refuse empty blobs`);
  }
}

/**
 * The bytes of a source, verified as they come; the last piece is held back until all is right. Whatever the source fails with
 * arrives as a ProxyError, so that it is told apart from a failure of the store. Destroying the stream destroys the source.
 * @param owner whose blob it is, for error texts: the repository's name.
 * @throws ProxyError what opening the source failed with.
 */
export function verifiedSource(source: BlobSource, owner: string): Readable {
  const subject = `reading the source of blob ${source.digest} of ${owner}`;
  const checked = new VerifyingStream({ size: source.size, sha256: source.digest.slice('sha256:'.length) }, `source of blob ${source.digest} of ${owner}`);
  // After an early answer a transport destroys its body, when nobody listens to it any more.
  checked.on('error', () => undefined);
  const bytes = opened(source, subject);
  // Stays: a source may fail again while it is destroyed, and an error without a listener ends the process.
  bytes.on('error', (error) => checked.destroy(toProxyError(error, subject)));
  bytes.once('close', () => {
    if (!bytes.readableEnded && !checked.destroyed) {
      checked.destroy(new ProxyError('internal', `${subject}: the source was closed before its end`));
    }
  });
  checked.once('close', () => bytes.destroy());
  return bytes.pipe(checked);
}

function opened(source: BlobSource, subject: string): Readable {
  try {
    return source.open();
  } catch (error) {
    throw toProxyError(error, subject);
  }
}
