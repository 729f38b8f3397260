import { isProxyError } from '@oci-package-proxy/errors';

import { parseFilename } from '../names/filename.ts';
import { readSdistMetadata } from '../publish/archive/sdist-metadata.ts';
import { readWheelMetadata } from '../publish/archive/wheel-metadata.ts';

/** Whose metadata is looked for. */
export interface NamedFile {
  readonly filename: string;
  /** Normalized. */
  readonly project: string;
  readonly version: string | null;
}

/**
 * The core metadata inside a file, byte for byte; null where there is none, or none can be read: a strange file is a file all the same.
 * @throws ProxyError `aborted`, `storage-unavailable` when the file itself cannot be read.
 */
export async function metadataInFile(path: string, { filename, project, version }: NamedFile, signal?: AbortSignal): Promise<Buffer | null> {
  const named = { name: project, version: version ?? '' };
  const kind = parseFilename(filename, project)?.kind;
  try {
    if (filename.endsWith('.whl')) {
      return await readWheelMetadata(path, named);
    }
    return kind === 'sdist' ? await readSdistMetadata(path, named, signal) : null;
  } catch (error) {
    if (isProxyError(error, 'invalid')) {
      return null;
    }
    throw error;
  }
}
