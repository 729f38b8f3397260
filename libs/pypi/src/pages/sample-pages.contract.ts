import type { ProjectFile, ProjectPage, UpstreamFile } from '../model/project-page.ts';

/** Some digests in hex. */
export const SHA256 = '0123456789abcdef'.repeat(4);
export const OTHER_SHA256 = 'fedcba9876543210'.repeat(4);
export const MD5 = '0123456789abcdef'.repeat(2);

/** A file of which nothing is known but its name. */
export function bareFile(filename: string, more: Partial<ProjectFile> = {}): ProjectFile {
  return {
    filename,
    version: null,
    hashes: {},
    size: null,
    uploadTime: null,
    requiresPython: null,
    yanked: null,
    metadataSha256: null,
    hasProvenance: false,
    gpgSignature: null,
    ...more,
  };
}

/** A file of upstream of which nothing is known but its URL, whose last segment needs no decoding. */
export function bareUpstreamFile(url: string, more: Partial<UpstreamFile> = {}): UpstreamFile {
  return { ...bareFile(url.slice(url.lastIndexOf('/') + 1)), url, provenanceUrl: null, ...more };
}

/** A wheel of which everything is known. */
export const WHOLE_FILE: ProjectFile = {
  filename: 'sample-1.0-py3-none-any.whl',
  version: '1.0',
  hashes: { sha256: SHA256, md5: MD5 },
  size: 1234,
  uploadTime: '2026-01-02T03:04:05.678901Z',
  requiresPython: '>=3.9,<4',
  yanked: 'broken "badly" <b>',
  metadataSha256: OTHER_SHA256,
  hasProvenance: true,
  gpgSignature: false,
};

/** A page of these files. */
export function pageOf(files: readonly ProjectFile[], more: Partial<ProjectPage> = {}): ProjectPage {
  return { name: 'sample', status: null, versions: [...new Set(files.flatMap(({ version }) => version ?? []))], files, ...more };
}
