import type { ExpectedContent } from '@oci-package-proxy/oci';
import ssri from 'ssri';

const HEX_SHA1 = /^[0-9a-f]{40}$/;

/** What the bytes of a tarball must be. */
export interface ExpectedDigest {
  readonly algorithm: 'sha512' | 'sha256' | 'sha1';
  /** Lower case. */
  readonly hex: string;
}

/** The strongest digest that a `dist` says; null when it says none that is known here. */
export function expectedDigest(dist: { readonly integrity?: string | null | undefined; readonly shasum?: string | null | undefined }): ExpectedDigest | null {
  const parsed = typeof dist.integrity === 'string' ? ssri.parse(dist.integrity) : null;
  for (const algorithm of ['sha512', 'sha256', 'sha1'] as const) {
    const digest = parsed?.[algorithm]?.[0]?.digest;
    if (digest !== undefined && digest !== '') {
      return { algorithm, hex: Buffer.from(digest, 'base64').toString('hex') };
    }
  }
  const sha1 = typeof dist.shasum === 'string' ? dist.shasum.toLowerCase() : '';
  return HEX_SHA1.test(sha1) ? { algorithm: 'sha1', hex: sha1 } : null;
}

/** `<algorithm>:<hex>`, as jobs and download keys carry it. */
export function digestText({ algorithm, hex }: ExpectedDigest): string {
  return `${algorithm}:${hex}`;
}

/** As a download checks it. */
export function expectedContent({ algorithm, hex }: ExpectedDigest): ExpectedContent {
  return { [algorithm]: hex };
}

/** The digest of a file whose sha512 is known in hex, as Subresource Integrity. */
export function sha512Integrity(hex: string): string {
  return `sha512-${Buffer.from(hex, 'hex').toString('base64')}`;
}
