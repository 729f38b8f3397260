import { isProjectName, normalizedName } from './project-name.ts';
import { normalizedVersion } from './version.ts';

/** What is neither a wheel nor a source distribution: eggs, installers and packages of operating systems, "dumb" archives. */
export interface OtherDistribution {
  readonly kind: 'other';
  readonly name: string | null;
  readonly version: string | null;
  /** With its period, such as `.exe`. */
  readonly extension: string;
}

const EXTENSIONS = ['.egg', '.exe', '.msi', '.rpm', '.deb', '.dmg'];
const PLATFORM = String.raw`(?:linux|macosx|winxp|win|freebsd|openbsd|netbsd|cygwin|mingw|msys|solaris|sunos|aix|hp-ux|irix|darwin)`;
/** What distutils puts after the version: `1.0.win-amd64-py2.7`, `1.0.linux-x86_64`. */
const AFTER_VERSION = new RegExp(String.raw`\.${PLATFORM}(?:[-_.\d][\w.-]*)?$`, 'i');
const EGG = /^([^-]+)-([^-]+)(?:-py\d[\d.]*(?:-.*)?)?$/;
const RPM = /^(.+)-([^-]+)-[^-]+\.[^-.]+$/;

/** What can be learned of the name of an egg, an installer or a package of an operating system; null for any other name. */
export function installer(filename: string, project: string | undefined): OtherDistribution | null {
  const extension = EXTENSIONS.find((candidate) => filename.endsWith(candidate));
  return extension === undefined ? null : { kind: 'other', ...namesOf(filename.slice(0, -extension.length), extension, project), extension };
}

/** What can be learned of the name of an archive of built files (`bdist_dumb` of distutils); null for one that is no such. */
export function builtArchive(stem: string, extension: string): OtherDistribution | null {
  const { name, version } = AFTER_VERSION.test(stem) ? builtNames(stem) : names('', '');
  return name === null ? null : { kind: 'other', name, version, extension };
}

type Names = Pick<OtherDistribution, 'name' | 'version'>;

function namesOf(stem: string, extension: string, project: string | undefined): Names {
  if (extension === '.egg') {
    const [, name = '', version = ''] = EGG.exec(stem) ?? [];
    // Hyphens are underscores there.
    return names(name, normalizedVersion(version) === null ? version.replaceAll('_', '-') : version);
  }
  if (extension === '.rpm') {
    const [, name = '', version = ''] = RPM.exec(stem) ?? [];
    return names(name, version);
  }
  return extension === '.exe' || extension === '.msi' ? (namesOfProject(stem, project) ?? builtNames(stem)) : names('', '');
}

/** Of an installer whose version is followed by whatever its makers liked: `1.0-11g.win32`, `1.0.py2-win-amd64`. */
function namesOfProject(stem: string, project: string | undefined): Names | null {
  const hyphen = [...stem.matchAll(/-/g)].find(({ index }) => isProjectName(stem.slice(0, index)) && normalizedName(stem.slice(0, index)) === project);
  let version = hyphen === undefined ? '' : stem.slice(hyphen.index + 1);
  while (version !== '' && normalizedVersion(version) === null) {
    version = version.slice(0, Math.max(0, version.search(/[-.][^-.]*$/)));
  }
  return version === '' || project === undefined ? null : names(project, version);
}

function builtNames(stem: string): Names {
  const before = stem.replace(AFTER_VERSION, '');
  const hyphen = before.lastIndexOf('-');
  return names(before.slice(0, Math.max(0, hyphen)), before.slice(hyphen + 1));
}

function names(name: string, version: string): Names {
  return isProjectName(name) && /^v?\d/i.test(version) ? { name: normalizedName(name), version: normalizedVersion(version) ?? version } : { name: null, version: null };
}
