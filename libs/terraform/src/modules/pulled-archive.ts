import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import type { SpooledFile } from '@oci-package-proxy/upstream';

import { MODULE_LIMITS } from '../archives/archive-limits.ts';
import { type NormalizedModule, normalizeModule } from '../archives/module-archive.ts';
import type { ArchiveLocation } from './archive-location.ts';

/** An archive as upstream has it, and what is to be made of it. */
export interface PulledArchive {
  readonly file: SpooledFile;
  readonly location: ArchiveLocation;
  /** `example.com/acme/network/aws 1.0.0`, for texts. */
  readonly subject: string;
  /** Where the new archive goes; nothing is left there on failure. */
  readonly target: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes the archive that is served and stored of one that came from upstream.
 * @throws ProxyError `integrity` for what is no archive of a module, would do harm or is not what upstream announced; `aborted`,
 * `storage-unavailable`.
 */
export async function normalizePulled({ file, location, subject, target, signal }: PulledArchive): Promise<NormalizedModule> {
  checkChecksum(file, location, subject);
  const { wrapped, subdirectory } = location;
  return unlessRefused(subject, () => normalizeModule(file.path, { target, limits: MODULE_LIMITS, wrapped, subdirectory, signal }));
}

/** It is checked on the way too, but for one that was fetched for somebody who did not know it. */
function checkChecksum(file: SpooledFile, { checksum }: ArchiveLocation, subject: string): void {
  for (const algorithm of ['sha256', 'sha512', 'sha1', 'md5'] as const) {
    const wanted = checksum[algorithm];
    if (wanted !== undefined && wanted !== file[algorithm]) {
      throw new ProxyError('integrity', `${subject}: upstream's archive has the ${algorithm} digest ${file[algorithm]}, and its registry announces ${wanted}. Tell whoever publishes the module.`);
    }
  }
}

async function unlessRefused<T>(subject: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isProxyError(error, 'unprocessable') || isProxyError(error, 'too-large')
      ? new ProxyError('integrity', `${subject} at upstream: ${error.message} If only some may read it there, give its credential in CONFIG_FILE (upstreams).`, { cause: error })
      : error;
  }
}
