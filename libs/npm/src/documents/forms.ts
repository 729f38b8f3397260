import { isObject, type JsonObject, type Manifest, member, type Packument, textMember } from './packument.ts';

/** Media type of the abbreviated form. */
export const ABBREVIATED_TYPE = 'application/vnd.npm.install-v1+json';

/** What of a package's document is asked for. `version` is a version or a dist-tag. */
export type Form = { readonly kind: 'full' | 'abbreviated' | 'dist-tags' } | { readonly kind: 'version'; readonly version: string };

// https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md#abbreviated-version-object, and what pnpm looks for besides.
const ABBREVIATED = [
  'name',
  'version',
  'deprecated',
  'dependencies',
  'acceptDependencies',
  'optionalDependencies',
  'devDependencies',
  'bundleDependencies',
  'bundledDependencies',
  'peerDependencies',
  'peerDependenciesMeta',
  'bin',
  'directories',
  'dist',
  'engines',
  '_hasShrinkwrap',
  'hasInstallScript',
  'funding',
  'cpu',
  'os',
  'libc',
  '_npmUser',
] as const;

const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall'];

/** A packument in `form`, ready for JSON; null when the form is a version that there is not. */
export function inForm(packument: Packument, form: Form): unknown {
  switch (form.kind) {
    case 'full':
      return fullForm(packument);
    case 'abbreviated':
      return abbreviatedForm(packument);
    case 'dist-tags':
      return object(packument.distTags);
    case 'version':
      return packument.versions.get(packument.distTags.get(form.version) ?? form.version) ?? null;
  }
}

function fullForm({ rest, name, distTags, versions, time }: Packument): JsonObject {
  return { _id: name, ...rest, name, 'dist-tags': object(distTags), versions: object(versions), time: object(time) };
}

function abbreviatedForm({ name, distTags, versions, time }: Packument): JsonObject {
  const short = new Map([...versions].map(([version, manifest]) => [version, abbreviatedManifest(manifest)] as const));
  return { name, 'dist-tags': object(distTags), versions: object(short), time: object(time), ...(time.has('modified') ? { modified: time.get('modified') } : {}) };
}

function abbreviatedManifest(manifest: Manifest): JsonObject {
  const kept = ABBREVIATED.filter((key) => Object.hasOwn(manifest, key) && isTold(key, manifest[key]));
  const entries: [string, unknown][] = kept.map((key) => [key, manifest[key]]);
  if (!kept.includes('hasInstallScript') && hasInstallScript(manifest)) {
    entries.push(['hasInstallScript', true]);
  }
  return Object.fromEntries(entries);
}

function isTold(key: string, value: unknown): boolean {
  return key !== 'deprecated' || (typeof value === 'string' && value !== '');
}

/** Whether installing the version runs a script of its own. */
export function hasInstallScript(manifest: Manifest): boolean {
  const scripts = member(manifest, 'scripts');
  return member(manifest, 'gypfile') === true || (isObject(scripts) && INSTALL_SCRIPTS.some((script) => (textMember(scripts, script) ?? '') !== ''));
}

/** Unlike assignments, entries may have any name. */
function object<T>(map: ReadonlyMap<string, T>): Readonly<Record<string, T>> {
  return Object.fromEntries(map);
}
