import semver from 'semver';

/**
 * Dist-tags that name only versions which are there. `latest` is never lost: it falls to the highest version up to the one it
 * named, releases before prereleases, which is what npm itself would choose.
 */
export function repairedDistTags(tags: ReadonlyMap<string, string>, versions: ReadonlySet<string>): Map<string, string> {
  const kept = new Map([...tags].filter(([, version]) => versions.has(version)));
  if (!kept.has('latest')) {
    const latest = highest(versions, tags.get('latest')) ?? highest(versions, undefined);
    if (latest !== null) {
      kept.set('latest', latest);
    }
  }
  return kept;
}

function highest(versions: ReadonlySet<string>, upTo: string | undefined): string | null {
  const bound = upTo === undefined ? null : semver.parse(upTo, { loose: true });
  let best: semver.SemVer | null = null;
  for (const text of versions) {
    const version = semver.parse(text, { loose: true });
    if (version !== null && (bound === null || version.compare(bound) <= 0) && (best === null || isBetter(version, best))) {
      best = version;
    }
  }
  return best?.raw ?? null;
}

function isBetter(version: semver.SemVer, best: semver.SemVer): boolean {
  const [prerelease, bestPrerelease] = [version.prerelease.length > 0, best.prerelease.length > 0];
  return prerelease === bestPrerelease ? version.compare(best) > 0 : bestPrerelease;
}
