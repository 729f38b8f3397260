import { createHash } from 'node:crypto';

import type { UpstreamDocument } from '@oci-package-proxy/upstream';

import { MAX_SIGNATURE_BYTES, MAX_SUMS_BYTES } from '../archives/archive-limits.ts';
import { lenientSums } from '../archives/sha256-sums.ts';

const ARMORED = '-----BEGIN PGP SIGNATURE-----';

/** A small file of a release. */
export interface ReleaseFile {
  readonly bytes: Buffer;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** SHA256SUMS of upstream. */
export interface ReleaseSums extends ReleaseFile {
  /** Lower-case hex by file name. */
  readonly files: ReadonlyMap<string, string>;
}

/** A small file with its digest. */
export function releaseFile(bytes: Buffer): ReleaseFile {
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** What stands for the signature of a release without keys that has none. */
export const EMPTY_FILE: ReleaseFile = releaseFile(Buffer.alloc(0));

/** SHA256SUMS as they are; null for what has no line of sums, such as a page to sign in at. */
export function decodeSums({ bytes }: Pick<UpstreamDocument, 'bytes'>): ReleaseSums | null {
  const files = bytes.length > MAX_SUMS_BYTES ? new Map<string, string>() : lenientSums(bytes);
  return files.size === 0 ? null : { ...releaseFile(bytes), files };
}

/** A detached signature as it is; null for what looks like none: RFC 9580 §4.2, every packet begins with a one. */
export function decodeSignature({ bytes }: Pick<UpstreamDocument, 'bytes'>): Buffer | null {
  const [first = 0] = bytes;
  const looksLikeOne = first >= 0x80 || bytes.subarray(0, 256).toString('latin1').trimStart().startsWith(ARMORED);
  return looksLikeOne && bytes.length <= MAX_SIGNATURE_BYTES ? bytes : null;
}
