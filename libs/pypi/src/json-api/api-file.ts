import type { ProjectFile } from '../model/project-page.ts';
import { parseFilename } from '../names/filename.ts';
import type { FileUrls } from '../pages/file-urls.ts';

/** What kinds of package an extension stands for, as the public index calls them. */
const OTHER_TYPES: Readonly<Record<string, string>> = { '.egg': 'bdist_egg', '.exe': 'bdist_wininst', '.msi': 'bdist_msi', '.rpm': 'bdist_rpm', '.dmg': 'bdist_dmg' };

/** A file, as the JSON API of the public index shows it. @param project its normalized name. */
export function apiFile(file: ProjectFile, project: string, urls: FileUrls): Record<string, unknown> {
  const { filename, hashes, size, requiresPython, yanked, metadataSha256, gpgSignature, uploadTime } = file;
  return {
    comment_text: '',
    'core-metadata': metadataSha256 === null ? false : { sha256: metadataSha256 },
    digests: hashes,
    downloads: -1,
    filename,
    has_sig: gpgSignature ?? false,
    md5_digest: hashes['md5'] ?? null,
    ...kindOf(filename, project),
    requires_python: requiresPython,
    size,
    upload_time: uploadTime === null ? null : uploadTime.replace(/(?:\.\d+)?Z$/, ''),
    upload_time_iso_8601: uploadTime,
    url: urls.file(file),
    yanked: yanked !== null,
    yanked_reason: yanked === null || yanked === '' ? null : yanked,
  };
}

/** Whether a file is a wheel, by its name. */
export function isWheel({ filename }: Pick<ProjectFile, 'filename'>): boolean {
  return filename.toLowerCase().endsWith('.whl');
}

function kindOf(filename: string, project: string): { readonly packagetype: string; readonly python_version: string } {
  const distribution = parseFilename(filename, project);
  if (distribution?.kind === 'wheel') {
    return { packagetype: 'bdist_wheel', python_version: distribution.pythonTag };
  }
  if (distribution?.kind === 'other') {
    return { packagetype: OTHER_TYPES[distribution.extension] ?? 'bdist_dumb', python_version: /[-.]py(\d+(?:\.\d+)?)/.exec(filename)?.[1] ?? 'any' };
  }
  return isWheel({ filename }) ? { packagetype: 'bdist_wheel', python_version: 'any' } : { packagetype: 'sdist', python_version: 'source' };
}
