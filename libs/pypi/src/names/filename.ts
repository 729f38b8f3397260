import { builtArchive, installer, type OtherDistribution } from './other-filename.ts';
import { isProjectName, normalizedName } from './project-name.ts';
import { normalizedVersion } from './version.ts';

/** A built distribution. */
export interface WheelDistribution {
  readonly kind: 'wheel';
  readonly name: string;
  readonly version: string;
  readonly build: string | null;
  readonly pythonTag: string;
  readonly abiTag: string;
  readonly platformTag: string;
  /** Of the variant, PEP 825 (draft). */
  readonly label: string | null;
}

/** A source distribution. */
export interface SourceDistribution {
  readonly kind: 'sdist';
  readonly name: string;
  readonly version: string;
  /** With its period, such as `.tar.gz`. */
  readonly extension: string;
}

/**
 * What the name of a file says. `name` is normalized, `version` is too where PEP 440 knows it, and else as it is written. Tags
 * are as they are written: compressed sets.
 */
export type Distribution = WheelDistribution | SourceDistribution | OtherDistribution;

/** More is no name of a file on any file system. */
const MAX_CHARACTERS = 512;
const WHEEL = '.whl';
// Longer ones before those that they end with. Those of the public index's old files, of pip and of uv.
const SDIST_EXTENSIONS = ['.tar.gz', '.zip', '.tar.bz2', '.tar.xz', '.tar.zst', '.tar.lzma', '.tar.lz', '.tar.Z', '.tgz', '.tbz2', '.tbz', '.txz', '.tlz', '.tzst', '.tar'];
const TAGS = /^\w+(?:\.\w+)*$/;
const STARTS_WITH_NUMBER = /^v?\d/i;
const INTERPRETERS = /^[a-z_]\w*(?:\.[a-z_]\w*)*$/i;
const LABEL = /^[0-9a-z._]{1,64}$/;

/**
 * Takes the name of a file apart: PEP 427 (wheels; PEP 825 draft for a label at their end), PEP 625 (source distributions), and
 * what was usual before them and is still listed. Null for what nothing can be learned of; never throws.
 * @param project normalized name of the project that has the file: tells where the name ends in an old source distribution.
 */
export function parseFilename(filename: string, project?: string): Distribution | null {
  if (!isFilename(filename)) {
    return null;
  }
  if (filename.endsWith(WHEEL)) {
    return wheel(filename.slice(0, -WHEEL.length));
  }
  const extension = SDIST_EXTENSIONS.find((candidate) => filename.endsWith(candidate));
  return extension === undefined ? installer(filename, project) : archive(filename.slice(0, -extension.length), extension, project);
}

/** The version in the name of a file, normalized where PEP 440 knows it; null where the name does not tell. */
export function versionOfFilename(filename: string, project?: string): string | null {
  return parseFilename(filename, project)?.version ?? null;
}

function isFilename(text: string): boolean {
  return text.length <= MAX_CHARACTERS && text.isWellFormed() && !/[\p{Cc}\p{Zl}\p{Zp}/\\]/u.test(text);
}

function wheel(stem: string): WheelDistribution | null {
  const parts = stem.split('-');
  if (parts.length < 5 || parts.length > 7 || parts.includes('')) {
    return null;
  }
  const [name = '', version = '', third = ''] = parts;
  // A build tag starts with a digit and a Python tag never does; but with five parts there is no question, and old files have such tags.
  const hasBuild = parts.length > 5 && /^\d/.test(third);
  const [pythonTag = '', abiTag = '', platformTag = '', label = null, ...rest] = parts.slice(hasBuild ? 3 : 2);
  const isWheel =
    rest.length === 0 &&
    isProjectName(name) &&
    [pythonTag, abiTag, platformTag].every((tag) => TAGS.test(tag)) &&
    // What is no label: `foo-1.0-abc-py3-none-any`, whose build tag is wrong.
    (label === null || (LABEL.test(label) && platformTag !== 'none')) &&
    // What is no wheel of `my`: `my-project-1.0-py3-none-any`.
    (parts.length === 5 || (INTERPRETERS.test(pythonTag) && STARTS_WITH_NUMBER.test(version)));
  return isWheel ? { kind: 'wheel', name: normalizedName(name), version: wheelVersion(version), build: hasBuild ? third : null, pythonTag, abiTag, platformTag, label } : null;
}

/** Hyphens of a version are underscores in a wheel's name: `1.0_1` is `1.0-1`. */
function wheelVersion(text: string): string {
  return normalizedVersion(text) ?? normalizedVersion(text.replaceAll('_', '-')) ?? text;
}

function archive(stem: string, extension: string, project: string | undefined): Distribution | null {
  const splits = possibleSplits(stem);
  // A version in its normal form has no hyphen, PEP 625; so the last one first, and then `1.0-beta`.
  const known = splits.find(({ name }) => normalizedName(name) === project) ?? splits.findLast(({ version }) => normalizedVersion(version) !== null);
  if (known === undefined || normalizedVersion(known.version) === null) {
    const built = builtArchive(stem, extension);
    if (built !== null) {
      return built;
    }
  }
  const split = known ?? splits.find(({ version }) => STARTS_WITH_NUMBER.test(version)) ?? splits.at(-1);
  return split === undefined ? null : { kind: 'sdist', name: normalizedName(split.name), version: normalizedVersion(split.version) ?? split.version, extension };
}

/** Every way to cut a name and a version at a hyphen. */
function possibleSplits(stem: string): readonly { readonly name: string; readonly version: string }[] {
  return Array.from(stem.matchAll(/-/g), ({ index }) => ({ name: stem.slice(0, index), version: stem.slice(index + 1) })).filter(
    ({ name, version }) => version !== '' && isProjectName(name),
  );
}
