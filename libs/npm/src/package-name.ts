import { ProxyError } from '@oci-package-proxy/errors';
import { repositoryName, type RepositoryNameOptions, versionTag } from '@oci-package-proxy/mapping';
import type { PackageRef } from '@oci-package-proxy/storage';

/** The ecosystem's name, in repositories, queues, rules and metrics. */
export const ECOSYSTEM = 'npm';

const MAX_PART = 220;
const SCOPED = /^@([^/]+)\/([^/]+)$/;
const RESERVED = new Set(['node_modules', 'favicon.ico']);

/**
 * Whether a package of this name can exist: what validate-npm-package-name calls valid for old packages, and the few names
 * that are older than its rules (`-`). Never one that could mean another path.
 */
export function isPackageName(name: string): boolean {
  const scoped = SCOPED.exec(name);
  if (scoped !== null) {
    return isPart(scoped[1] ?? '') && isPart(scoped[2] ?? '');
  }
  return isPart(name) && !name.startsWith('_') && !RESERVED.has(name.toLowerCase());
}

function isPart(part: string): boolean {
  return part.length > 0 && part.length <= MAX_PART && !part.startsWith('.') && isUrlSafe(part);
}

function isUrlSafe(text: string): boolean {
  return text.isWellFormed() && encodeURIComponent(text) === text;
}

/** The package that is called `name`, in the ledger. @throws ProxyError `invalid` when nothing can be called so. */
export function packageRef(name: string, options: RepositoryNameOptions = {}): PackageRef {
  if (!isPackageName(name)) {
    throw new ProxyError('invalid', `${JSON.stringify(name.slice(0, 100))} is not the name of a package.`);
  }
  const components = name.startsWith('@') ? name.slice(1).split('/') : [name];
  return { ecosystem: ECOSYSTEM, name, repository: repositoryName([ECOSYSTEM, ...components], options) };
}

/** `name` as one path segment, the way npm writes it: `@scope%2fname`. */
export function escapedName(name: string): string {
  return name.replace('/', '%2f');
}

/** `name` without its scope. */
export function unscopedName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

/** The file name of a version's tarball, where upstream does not call it otherwise. */
export function tarballName(name: string, version: string): string {
  return `${unscopedName(name)}-${version}.tgz`;
}

/** The version in an ordinary tarball file name of `name`; null for others, which have to be looked up. */
export function versionOfTarball(name: string, file: string): string | null {
  const prefix = `${unscopedName(name)}-`;
  const version = file.startsWith(prefix) && file.endsWith('.tgz') ? file.slice(prefix.length, -'.tgz'.length) : '';
  return version === '' || !version.isWellFormed() ? null : version;
}

/** The tag of a version's fact; null for what no registry ever showed as a version. */
export function versionTagOrNull(version: string): string | null {
  return version === '' || version.length > 256 || !version.isWellFormed() ? null : versionTag(version);
}

/** The path of a tarball below the registry's base, `/` at its start. */
export function tarballPath(name: string, file: string): string {
  return `/${name}/-/${encodeURIComponent(file)}`;
}
