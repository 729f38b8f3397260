import { isObject, member, type Packument, textMember } from './packument.ts';

/** Where the tarball of a version is, and what it must be. */
export interface IndexEntry {
  readonly version: string;
  /** The last part of the tarball's path. */
  readonly file: string;
  /** As upstream says it. */
  readonly tarball: string;
  /** Subresource Integrity. */
  readonly integrity: string | null;
  /** Hex digits of the sha1. */
  readonly shasum: string | null;
}

/** What of a packument is needed to serve its files: small, whatever the packument's size. */
export interface PackumentIndex {
  readonly entries: readonly IndexEntry[];
}

/** The index of a packument; versions without a tarball have no entry. */
export function packumentIndex({ versions }: Packument): PackumentIndex {
  const entries: IndexEntry[] = [];
  for (const [version, manifest] of versions) {
    const dist = member(manifest, 'dist');
    const entry = isObject(dist) ? indexEntry(version, dist) : null;
    if (entry !== null) {
      entries.push(entry);
    }
  }
  return { entries };
}

/** The entry of one version's `dist`; null without a tarball. */
export function indexEntry(version: string, dist: Readonly<Record<string, unknown>>): IndexEntry | null {
  const tarball = textMember(dist, 'tarball');
  const file = tarball === undefined ? null : fileOf(tarball);
  if (tarball === undefined || file === null) {
    return null;
  }
  return { version, file, tarball, integrity: textMember(dist, 'integrity') ?? null, shasum: textMember(dist, 'shasum') ?? null };
}

/** The last part of a URL's path, decoded; null when there is none. */
export function fileOf(url: string): string | null {
  const path = URL.parse(url)?.pathname ?? '';
  try {
    const file = decodeURIComponent(path.slice(path.lastIndexOf('/') + 1));
    return file === '' || file.includes('/') ? null : file;
  } catch {
    return null;
  }
}
