import { createHash } from 'node:crypto';

/** A file for {@link directoryHash}. */
export interface HashedFile {
  /** Raw bytes of its name. */
  readonly name: Buffer;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** sha256 of no bytes, which directory entries have. */
export const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/**
 * `h1:`, as lock files have it: Hash1 of dirhash, in the sumdb package of Go's own mod module. Names are ordered by their raw bytes, and must hold no line feed.
 */
export function directoryHash(files: Iterable<HashedFile>): string {
  const hash = createHash('sha256');
  for (const { name, sha256 } of [...files].sort((left, right) => Buffer.compare(left.name, right.name))) {
    hash.update(`${sha256}  `).update(name).update('\n');
  }
  return `h1:${hash.digest('base64')}`;
}
