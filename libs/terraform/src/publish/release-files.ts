import { ProxyError } from '@oci-package-proxy/errors';

import type { Platform } from '../model/provider.ts';
import { checkName, type ReleaseName, type ReleaseTarget, slotOf } from './release-name.ts';
import { shown } from '../archives/archive-failure.ts';

/** A file of a release, on local disk. */
export interface ReleaseFile {
  readonly name: ReleaseName;
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** The archive of one platform. */
export interface ReleaseArchive extends ReleaseFile {
  readonly platform: Platform;
}

/** The files of a release by what they are. */
export interface ReleaseFiles {
  /** At least one, in the order of their names. */
  readonly archives: readonly ReleaseArchive[];
  readonly sums: ReleaseFile | null;
  readonly signature: ReleaseFile | null;
  readonly manifest: ReleaseFile | null;
}

/**
 * Sorts files by what they are.
 * @throws ProxyError `invalid` for none, an empty one, or two of the same kind or platform; `unprocessable` for those of another release.
 */
export function releaseFiles(files: readonly ReleaseFile[], target: ReleaseTarget): ReleaseFiles {
  const bySlot = new Map<string, ReleaseFile>();
  for (const file of files) {
    checkName(file.name, target);
    if (file.size === 0) {
      throw new ProxyError('invalid', `${shown(file.name.filename)} is empty. Build the release again.`);
    }
    const before = bySlot.get(slotOf(file.name));
    if (before !== undefined) {
      throw new ProxyError('invalid', `${shown(file.name.filename)} and ${shown(before.name.filename)} are the same part of the release. Send one of them.`);
    }
    bySlot.set(slotOf(file.name), file);
  }
  const archives = [...bySlot.values()].flatMap((file) => (file.name.platform === null ? [] : [{ ...file, platform: file.name.platform }]));
  if (archives.length === 0) {
    throw new ProxyError('invalid', `No archive was sent. Send one file terraform-provider-${target.type}_${target.version}_<os>_<arch>.zip for each platform, as curl -F file=@<name> does.`);
  }
  archives.sort((one, other) => (one.name.filename < other.name.filename ? -1 : 1));
  return { archives, sums: bySlot.get('sums') ?? null, signature: bySlot.get('signature') ?? null, manifest: bySlot.get('manifest') ?? null };
}
