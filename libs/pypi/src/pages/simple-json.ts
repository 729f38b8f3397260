import type { ProjectFile, ProjectPage, ProjectStatus } from '../model/project-page.ts';
import type { FileUrls } from './file-urls.ts';

const VERSION = '1.4';
// The newest one that does not demand sizes: PEP 700 made them mandatory in 1.1.
const VERSION_WITHOUT_SIZES = '1.0';

/**
 * A project's page as JSON: PEP 691, with 592, 700, 714, 740 and 792.
 *
 * It calls itself 1.4 only where every file has a size, as 1.1 and later promise; else 1.0. The other keys are there all the same: in
 * 1.0 they are unknown ones, which must be ignored, and which every client reads: pip looks at the major version alone, uv and poetry
 * at none. So the number costs nobody what is known, and a strict reader is told no lie.
 *
 * Of the names that metadata had only `core-metadata` is written: some pips misread the older ones. Nothing that cannot be had is
 * announced, and a quarantined project offers no file, whatever the page holds.
 */
export function encodeProjectJson(page: ProjectPage, urls: FileUrls): Buffer {
  const offered = page.status?.status === 'quarantined' ? { files: [], versions: [] } : page;
  const hasSizes = offered.files.every(({ size }) => size !== null);
  return encoded({
    meta: { 'api-version': hasSizes ? VERSION : VERSION_WITHOUT_SIZES },
    name: page.name,
    ...(page.status === null ? {} : { 'project-status': statusEntry(page.status) }),
    versions: offered.versions.map((version) => version.toWellFormed()),
    files: offered.files.map((file) => fileEntry(file, urls)),
  });
}

/** The list of projects as JSON: PEP 691. @param names normalized, in the order they are shown in. */
export function encodeListJson(names: Iterable<string>): Buffer {
  return encoded({ meta: { 'api-version': VERSION }, projects: Array.from(names, (name) => ({ name })) });
}

function statusEntry({ status, reason }: ProjectStatus): Readonly<Record<string, string>> {
  return reason === null ? { status } : { status, reason: reason.toWellFormed() };
}

// Half a surrogate pair is legal JSON as an escape, but some clients refuse the whole page for it: hence well-formed texts.
function fileEntry(file: ProjectFile, urls: FileUrls): Readonly<Record<string, unknown>> {
  return {
    filename: file.filename.toWellFormed(),
    url: urls.file(file),
    hashes: file.hashes,
    ...(file.requiresPython === null ? {} : { 'requires-python': file.requiresPython.toWellFormed() }),
    ...(file.size === null ? {} : { size: file.size }),
    ...(file.uploadTime === null ? {} : { 'upload-time': file.uploadTime }),
    yanked: yankedValue(file.yanked),
    'core-metadata': file.metadataSha256 === null ? false : { sha256: file.metadataSha256 },
    ...(file.hasProvenance ? { provenance: urls.provenance(file) } : {}),
    ...(file.gpgSignature === null ? {} : { 'gpg-sig': file.gpgSignature }),
  };
}

/** PEP 691: a reason is a text that is not empty. */
function yankedValue(reason: string | null): boolean | string {
  if (reason === null) {
    return false;
  }
  return reason === '' ? true : reason.toWellFormed();
}

function encoded(document: unknown): Buffer {
  return Buffer.from(JSON.stringify(document));
}
