import { createHash } from 'node:crypto';

/** A file of an archive and the sha256 of its content, in hex. */
export interface HashedFile {
  readonly path: string;
  readonly sha256: string;
}

/**
 * `h1:` as Go's `golang.org/x/mod/sumdb/dirhash` makes it.
 * @param files those of the archive. With its directories (a slash at their end, the hash of nothing) it is what a mirror's archive is
 * compared with, without them what lock files have.
 */
export function dirHash(files: readonly HashedFile[]): string {
  const sorted = [...files].sort((one, other) => Buffer.compare(Buffer.from(one.path), Buffer.from(other.path)));
  const text = sorted.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join('');
  return `h1:${createHash('sha256').update(text).digest('base64')}`;
}
