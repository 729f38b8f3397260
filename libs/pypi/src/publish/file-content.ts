import { ProxyError } from '@oci-package-proxy/errors';

import { type CoreMetadata, parseCoreMetadata } from '../metadata/core-metadata.ts';
import { isProjectName, normalizedName } from '../names/project-name.ts';
import { canonicalVersion } from '../names/version.ts';
import { badArchive, shown } from './archive/archive-failure.ts';
import { archiveKind, readSdistMetadata } from './archive/sdist-metadata.ts';
import { checkWheel } from './archive/wheel-check.ts';
import type { UploadForm } from './upload-form.ts';

/** What the file itself says. */
export interface FileContent {
  /** METADATA or PKG-INFO, byte for byte. */
  readonly bytes: Buffer;
  readonly core: CoreMetadata;
}

/**
 * Sees that a file is a sane archive, and that its metadata is of the project and version that the upload says. Any version of the
 * metadata is taken, and any platform tag.
 * @returns null for a source distribution of before there was a PKG-INFO.
 * @throws ProxyError `invalid` for an archive that is none or would do harm; `unprocessable` when its metadata says something else; `aborted`; `storage-unavailable`.
 */
export async function fileContent(form: UploadForm, signal?: AbortSignal): Promise<FileContent | null> {
  const { name, version, distribution, filename } = form;
  const { path } = form.file;
  if (distribution.kind === 'wheel') {
    return agreed(await checkWheel(path, { name, version }, signal), form, 'METADATA');
  }
  const expected = distribution.extension === '.zip' ? 'zip' : 'gzip';
  if ((await archiveKind(path)) !== expected) {
    throw badArchive(`${shown(filename)} is no ${expected === 'zip' ? 'zip' : 'gzipped tar'}, as its name says`);
  }
  const bytes = await readSdistMetadata(path, { name, version }, signal);
  return bytes === null ? null : agreed(bytes, form, 'PKG-INFO');
}

function agreed(bytes: Buffer, { name, version, filename }: UploadForm, member: string): FileContent {
  const core = parseCoreMetadata(bytes);
  // All of them, as not everybody reads the same one.
  const names = core.fields.get('name') ?? [];
  const versions = core.fields.get('version') ?? [];
  if (names.length === 0 || names.some((said) => !isProjectName(said) || normalizedName(said) !== name)) {
    throw disagreement(`${member} of ${shown(filename)} is of ${told(names)}, and ${name} is being uploaded`);
  }
  if (versions.length === 0 || versions.some((said) => canonicalVersion(said) !== canonicalVersion(version))) {
    throw disagreement(`${member} of ${shown(filename)} is of the version ${told(versions)}, and ${version} is being uploaded`);
  }
  return { bytes, core };
}

function told(values: readonly string[]): string {
  return values.length === 0 ? '(none)' : values.map((value) => shown(JSON.stringify(value))).join(' and ');
}

function disagreement(what: string): ProxyError {
  return new ProxyError('unprocessable', `${what}. Build the file again and upload it again.`);
}
