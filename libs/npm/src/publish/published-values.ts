import semver from 'semver';

import { versionTag } from '@oci-package-proxy/mapping';
import type { Fold } from '@oci-package-proxy/storage';

import { cleanVersion } from './version-name.ts';

const DIST_TAG = 'tag:';

/** Key of a dist-tag in the ledger; its value is a version. */
export function distTagKey(tag: string): string {
  return `${DIST_TAG}${tag}`;
}

/** Key of the deprecation of a version in the ledger; its value is the text. */
export function deprecationKey(version: string): string {
  return `deprecated:${version}`;
}

/** The tag of a version's fact; null for what is no version. */
export function factTag(version: string): string | null {
  const clean = cleanVersion(version);
  return clean === null || clean !== version ? null : versionTag(clean);
}

/** The dist-tags that point at a version that is there. */
export function distTagsOf(state: Fold): Map<string, string> {
  const tags = new Map<string, string>();
  for (const [key, { value }] of state.values) {
    if (key.startsWith(DIST_TAG) && typeof value === 'string' && hasVersion(state, value)) {
      tags.set(key.slice(DIST_TAG.length), value);
    }
  }
  return tags;
}

/** Whether a version is there. */
export function hasVersion(state: Fold, version: string): boolean {
  const tag = factTag(version);
  return tag !== null && state.facts.has(tag);
}

/** The version that is `latest` where nobody said which: the highest one, prereleases only where there is nothing else; null for none. */
export function highestVersion(state: Fold): string | null {
  const versions = [...state.facts.values()].map(({ version }) => version).filter((version) => cleanVersion(version) !== null).sort(semver.rcompare);
  return versions.find((version) => semver.prerelease(version) === null) ?? versions[0] ?? null;
}
