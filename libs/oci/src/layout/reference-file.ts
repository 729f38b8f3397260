import { isDigest, type Digest } from '../model/digest.ts';
import type { ManifestBytes } from '../model/manifest.ts';

/** What a file under `refs/` holds: the manifest that the tag names. */
export interface Reference {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/** The text of the file that names `manifest`. */
export function encodeReference(manifest: ManifestBytes): Buffer {
  const reference: Reference = { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.bytes.length };
  return Buffer.from(`${JSON.stringify(reference)}\n`, 'utf8');
}

/** The reference in a file's text, or null when it is none of ours: the file is damaged. */
export function decodeReference(text: string): Reference | null {
  try {
    const value = JSON.parse(text) as Partial<Reference> | null;
    return typeof value?.digest === 'string' && isDigest(value.digest) && typeof value.mediaType === 'string' && Number.isSafeInteger(value.size)
      ? { mediaType: value.mediaType, digest: value.digest, size: value.size ?? 0 }
      : null;
  } catch {
    return null;
  }
}
