import type { ProjectFile, ProjectPage } from '../model/project-page.ts';
import { canonicalVersion, compareVersions, isPrerelease } from '../names/version.ts';

/** One version and its files. */
export interface Release {
  /** As the page writes it. */
  readonly version: string;
  readonly files: readonly ProjectFile[];
  /** The reason, empty for none; null unless there are files and all of them are yanked. */
  readonly yanked: string | null;
}

/**
 * All versions of a page, from the oldest to the newest, also those without files. Two spellings of a version are one, written as
 * the page writes it first. A quarantined project has no files: PEP 792.
 */
export function releasesOf({ versions, files, status }: ProjectPage): readonly Release[] {
  const offered = status?.status === 'quarantined' ? [] : files;
  const filesOf = Map.groupBy(offered, ({ version }) => (version === null ? null : canonicalVersion(version)));
  const spelled = new Map<string, string>();
  for (const version of [...versions, ...offered.map((file) => file.version)]) {
    const canonical = version === null ? null : canonicalVersion(version);
    if (version !== null && canonical !== null && !spelled.has(canonical)) {
      spelled.set(canonical, version);
    }
  }
  const releases = [...spelled].map(([canonical, version]) => releaseWith(version, filesOf.get(canonical) ?? []));
  return releases.sort((left, right) => compareVersions(left.version, right.version));
}

/** The release of a version in any spelling, or null. */
export function releaseOf(releases: readonly Release[], version: string): Release | null {
  const wanted = canonicalVersion(version);
  return releases.find((release) => canonicalVersion(release.version) === wanted) ?? null;
}

/**
 * The release that stands for the project: the newest stable one with files that is not yanked; where there is none, the newest
 * pre-release that is not, then the newest yanked one, then any. Null without any release.
 */
export function shownRelease(releases: readonly Release[]): Release | null {
  const newest = releases.toReversed();
  const usable = newest.filter(({ files, yanked }) => files.length > 0 && yanked === null);
  const withFiles = newest.filter(({ files }) => files.length > 0);
  return firstStable(usable) ?? usable[0] ?? firstStable(withFiles) ?? withFiles[0] ?? firstStable(newest) ?? newest[0] ?? null;
}

function firstStable(releases: readonly Release[]): Release | undefined {
  return releases.find(({ version }) => !isPrerelease(version));
}

function releaseWith(version: string, files: readonly ProjectFile[]): Release {
  return { version, files, yanked: yankedOf(files) };
}

function yankedOf(files: readonly ProjectFile[]): string | null {
  const reasons = files.map(({ yanked }) => yanked);
  if (reasons.length === 0 || reasons.includes(null)) {
    return null;
  }
  return reasons.find((reason) => reason !== '') ?? '';
}
