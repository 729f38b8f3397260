import { type Fold, isDeletedIn } from '@oci-package-proxy/storage';

import type { ListedVersion, Platform } from '../model/provider.ts';
import { blockKey, EVERY_VERSION, pulledTag, yankKey } from '../model/terraform-fact.ts';

const YANK_PREFIX = yankKey('');

/** The yanked versions of a package and why. */
export function yanksIn(fold: Pick<Fold, 'values'>): ReadonlyMap<string, string> {
  const yanks = new Map<string, string>();
  for (const [key, { value }] of fold.values) {
    if (key.startsWith(YANK_PREFIX) && value !== null) {
      yanks.set(key.slice(YANK_PREFIX.length), typeof value === 'string' ? value : '');
    }
  }
  return yanks;
}

/** Whether nobody is to have a version, or any version, whoever has it. */
export function isBlocked(fold: Pick<Fold, 'values'>, version: string): boolean {
  return [version, EVERY_VERSION].some((blocked) => (fold.values.get(blockKey(blocked))?.value ?? null) !== null);
}

/** Whether a platform of a pulled-through version was taken out here: one that was deleted does not come back from upstream. */
export function isGone(fold: Fold, version: string, platform: Platform): boolean {
  // Few packages have lost anything: no tag is computed for nothing.
  return isBlocked(fold, version) || (fold.deletedTags.size > 0 && isDeletedIn(fold, pulledTag(version, platform)));
}

/** Versions without those that are to be seen no more, as a whole or on some platform. */
export function shownVersions(versions: readonly ListedVersion[], fold: Fold): { readonly versions: readonly ListedVersion[]; readonly yanks: ReadonlyMap<string, string> } {
  const yanked = yanksIn(fold);
  const yanks = new Map<string, string>();
  const shown: ListedVersion[] = [];
  for (const listed of versions) {
    const { version } = listed;
    const platforms = listed.platforms.filter((platform) => !isGone(fold, version, platform));
    const isEmptied = listed.platforms.length > 0 && platforms.length === 0;
    const reason = yanked.get(version);
    if (isBlocked(fold, version) || isEmptied) {
      continue;
    }
    if (reason === undefined) {
      shown.push({ ...listed, platforms });
    } else {
      yanks.set(version, reason);
    }
  }
  return { versions: shown, yanks };
}
