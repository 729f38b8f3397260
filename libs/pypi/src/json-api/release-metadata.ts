import { isProxyError } from '@oci-package-proxy/errors';

import type { PypiIndex } from '../config/indexes.ts';
import { type CoreMetadata, parseCoreMetadata } from '../metadata/core-metadata.ts';
import type { ProjectFile } from '../model/project-page.ts';
import type { ProjectReader, ReadCall } from '../read/read-port.ts';
import { isWheel } from './api-file.ts';
import type { Release } from './releases.ts';

/** How many files of a kind are asked for their metadata: they nearly always say the same. */
const FILES_OF_A_KIND = 2;

/** What can be read of files. */
export type MetadataReader = Pick<ProjectReader, 'metadata' | 'description'>;

/** Of which release, for whom. */
export interface ReleaseCall {
  readonly index: PypiIndex;
  /** Normalized. */
  readonly name: string;
  readonly call: ReadCall;
}

/**
 * Core metadata of a release, from the first of its files that has any: what wheels announce, then what is held of the other files.
 * Null where none can be had, also because somebody does not answer now: what is shown says less then.
 */
export async function releaseMetadata(reader: MetadataReader, { files }: Release, { index, name, call }: ReleaseCall): Promise<CoreMetadata | null> {
  for (const { filename } of announcing(files)) {
    const served = await orNull(reader.metadata(index, name, filename, call));
    if (served !== null) {
      return parseCoreMetadata(served.bytes);
    }
  }
  for (const { filename } of silent(files)) {
    const bytes = await orNull(reader.description(index, name, filename, call));
    if (bytes !== null) {
      return parseCoreMetadata(bytes);
    }
  }
  return null;
}

/** The smallest first: where upstream does not serve what it announces, the wheel itself has to be fetched. */
function announcing(files: readonly ProjectFile[]): readonly ProjectFile[] {
  const wheels = files.filter((file) => isWheel(file) && file.metadataSha256 !== null);
  return wheels.sort((left, right) => (left.size ?? Number.MAX_SAFE_INTEGER) - (right.size ?? Number.MAX_SAFE_INTEGER)).slice(0, FILES_OF_A_KIND);
}

function silent(files: readonly ProjectFile[]): readonly ProjectFile[] {
  const wheels = files.filter((file) => isWheel(file) && file.metadataSha256 === null);
  const others = files.filter((file) => !isWheel(file));
  return [...wheels.slice(0, FILES_OF_A_KIND), ...others.slice(0, FILES_OF_A_KIND)];
}

async function orNull<T>(reading: Promise<T | null>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (isProxyError(error) && !isProxyError(error, 'aborted') && !isProxyError(error, 'internal')) {
      return null;
    }
    throw error;
  }
}
