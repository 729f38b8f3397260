import { repairedDistTags } from './latest.ts';
import { isObject, type JsonObject, type Manifest, member, type Packument, textMember } from './packument.ts';
import { servedManifest } from './served-manifest.ts';

const MAX_README_CHARACTERS = 64 * 1024;

// What npm looks for at the top of a packument, taken from the latest version.
const HOISTED = ['description', 'maintainers', 'author', 'contributors', 'repository', 'homepage', 'bugs', 'keywords', 'license', 'readmeFilename'];

/** A version as it is stored. */
export interface StoredVersion {
  readonly version: string;
  /** JSON text of its manifest. */
  readonly document: string;
  readonly file: string;
  /** When it was published, ISO 8601; empty where nobody knows. */
  readonly at: string;
  /** Null: not deprecated. */
  readonly deprecated: string | null;
}

/** A package as it is stored. */
export interface StoredPackage {
  readonly name: string;
  readonly versions: readonly StoredVersion[];
  readonly distTags: readonly (readonly [string, string])[];
  /** Of the package, not of a version; empty for none. */
  readonly readme: string;
  /** ISO 8601. */
  readonly modified: string;
  readonly revision: string;
}

/** The packument of what is stored. */
export function storedPackument(stored: StoredPackage, base: string): Packument {
  const versions = new Map<string, Manifest>();
  for (const version of stored.versions) {
    versions.set(version.version, manifestOf(stored.name, version, base));
  }
  const distTags = repairedDistTags(new Map(stored.distTags), new Set(versions.keys()));
  const latest = versions.get(distTags.get('latest') ?? '') ?? {};
  return { name: stored.name, distTags, versions, time: timesOf(stored), rest: restOf(stored, latest, versions) };
}

function manifestOf(name: string, { version, document, file, deprecated }: StoredVersion, base: string): Manifest {
  const manifest = JSON.parse(document) as Manifest;
  const served = servedManifest(manifest, { base, name, version }, file);
  const bin = textMember(manifest, 'bin');
  return {
    ...served,
    ...(bin === undefined ? {} : { bin: Object.fromEntries([[name.slice(name.lastIndexOf('/') + 1), bin]]) }),
    ...(deprecated === null ? {} : { deprecated }),
  };
}

function timesOf({ versions, modified }: StoredPackage): Map<string, string> {
  const known = versions.filter(({ at }) => at !== '');
  const created = known.reduce((first, { at }) => (first === '' || at < first ? at : first), '');
  const sorted = known.toSorted((left, right) => left.at.localeCompare(right.at));
  return new Map([...(created === '' ? [] : [['created', created] as const]), ...(modified === '' ? [] : [['modified', modified] as const]), ...sorted.map(({ version, at }) => [version, at] as const)]);
}

function restOf({ name, readme, revision }: StoredPackage, latest: Manifest, versions: ReadonlyMap<string, Manifest>): JsonObject {
  const hoisted = HOISTED.filter((key) => Object.hasOwn(latest, key)).map((key) => [key, latest[key]] as const);
  return { _id: name, _rev: revision, maintainers: publishers(versions), ...Object.fromEntries(hoisted), readme: readme.slice(0, MAX_README_CHARACTERS), _attachments: {} };
}

/** Whoever published a version: npm shows maintainers, and here rules say who may publish. */
function publishers(versions: ReadonlyMap<string, Manifest>): { readonly name: string; readonly email: string }[] {
  const names = new Set<string>();
  for (const manifest of versions.values()) {
    const user = member(manifest, '_npmUser');
    const name = isObject(user) ? textMember(user, 'name') : undefined;
    if (name !== undefined) {
      names.add(name);
    }
  }
  return [...names].sort().map((name) => ({ name, email: '' }));
}
