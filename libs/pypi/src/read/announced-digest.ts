import type { ExpectedContent } from '@oci-package-proxy/oci';

// The best one first: the digests that are computed of every file that is fetched.
const LENGTHS = { sha256: 64, sha512: 128, sha1: 40, md5: 32 } as const;

/** What the bytes of a file must be. */
export interface AnnouncedDigest {
  readonly algorithm: keyof typeof LENGTHS;
  /** Lower case. */
  readonly hex: string;
}

/** The best digest among those that an index announces (PEP 503, PEP 691); null where it announces none that is known here. */
export function announcedDigest(hashes: Readonly<Record<string, string>>): AnnouncedDigest | null {
  for (const algorithm of ['sha256', 'sha512', 'sha1', 'md5'] as const) {
    const hex = Object.hasOwn(hashes, algorithm) ? (hashes[algorithm] ?? '').toLowerCase() : '';
    if (hex.length === LENGTHS[algorithm] && /^[0-9a-f]+$/.test(hex)) {
      return { algorithm, hex };
    }
  }
  return null;
}

/** `<algorithm>:<hex>`, as jobs, download keys and entity tags carry it. */
export function digestText({ algorithm, hex }: AnnouncedDigest): string {
  return `${algorithm}:${hex}`;
}

/** As a download checks it. */
export function expectedContent(digest: AnnouncedDigest | null, size: number | null): ExpectedContent {
  return { ...(digest === null ? {} : { [digest.algorithm]: digest.hex }), ...(size === null ? {} : { size }) };
}

/**
 * Whether what is announced cannot be of these bytes. What is announced without a digest that is known of them is not taken
 * for other bytes.
 * @param stored digests of the bytes, sha256 among them.
 */
export function isOfOtherBytes(announced: Readonly<Record<string, string>>, stored: Readonly<Record<string, string>>): boolean {
  const digest = announcedDigest(announced);
  const known = digest === null || !Object.hasOwn(stored, digest.algorithm) ? undefined : stored[digest.algorithm];
  return digest !== null && known !== undefined && known.toLowerCase() !== digest.hex;
}
