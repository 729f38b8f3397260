import ssri from 'ssri';

import { ProxyError } from '@oci-package-proxy/errors';

import type { Attachment } from './publish-body.ts';
import { quoted } from './version-name.ts';

const COUNTED = ['sha1', 'sha256', 'sha512'] as const;

/** What a manifest's `dist` says of its tarball. */
export interface Declared {
  /** Subresource Integrity: https://www.w3.org/TR/SRI/ */
  readonly integrity?: string | null | undefined;
  /** Hex digits of the sha1. */
  readonly shasum?: string | null | undefined;
}

/**
 * Compares what the client says of a tarball with the bytes that came. What it does not say is no lie.
 * @throws ProxyError `unprocessable` for what does not match, `invalid` for an integrity that says nothing that is known here.
 */
export function checkDeclarations(tarball: Attachment, { integrity, shasum }: Declared): void {
  if (tarball.length !== null && tarball.length !== tarball.size) {
    throw new ProxyError('unprocessable', `The tarball's length is ${tarball.size} bytes, and the body declares ${tarball.length}: it was changed on its way. Publish again.`);
  }
  if (typeof shasum === 'string' && shasum !== '' && shasum.toLowerCase() !== tarball.sha1) {
    throw new ProxyError('unprocessable', `The tarball's shasum is ${tarball.sha1}, and the manifest declares ${quoted(shasum)}: it was changed on its way. Publish again.`);
  }
  if (typeof integrity === 'string' && integrity !== '') {
    checkIntegrity(tarball, integrity);
  }
}

function checkIntegrity(tarball: Attachment, integrity: string): void {
  const declared = ssri.parse(integrity);
  const known = COUNTED.filter((algorithm) => declared?.[algorithm] !== undefined);
  if (known.length === 0) {
    throw new ProxyError('invalid', `The manifest's integrity ${quoted(integrity)} holds no sha512, sha256 or sha1.`);
  }
  for (const algorithm of known) {
    if (!(declared?.[algorithm] ?? []).some((hash) => hash.digest === Buffer.from(tarball[algorithm], 'hex').toString('base64'))) {
      throw new ProxyError('unprocessable', `The manifest's integrity does not match the tarball, whose ${algorithm} is ${tarball[algorithm]}: it was changed on its way. Publish again.`);
    }
  }
}

/** The sha512 of a file in the form of Subresource Integrity. */
export function integrityOf(file: Pick<Attachment, 'sha512'>): string {
  return `sha512-${Buffer.from(file.sha512, 'hex').toString('base64')}`;
}
