/** A version that every client can read, taken apart. */
interface Version {
  readonly numbers: readonly [bigint, bigint, bigint];
  /** Identifiers of the pre-release; empty for a release. */
  readonly pre: readonly string[];
  readonly build: string;
}

/** A longer text is no version: nobody has one, and it must fit into links. */
const MAX_CHARACTERS = 256;
/** A version of more characters has a tag that is a hash, which OpenTofu cannot read as a version. */
const MAX_PUBLISHED_CHARACTERS = 128;
/** Modules' client reads numbers into 64 bits with a sign; providers' client panics at more than 64 bits. */
const MAX_NUMBER = 2n ** 63n - 1n;

const IDENTIFIERS = String.raw`[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*`;
const VERSION = new RegExp(String.raw`^(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-(${IDENTIFIERS}))?(?:\+(${IDENTIFIERS}))?$`);

/** Whether a text is a version as all clients write it: three numbers without zeros in front, no `v`. */
export function isVersion(text: string): boolean {
  return canonicalVersion(text) === text;
}

/**
 * What clients make of a version, and ask for from then on: `1.2` is `1.2.0` to them, `01.0.0` is `1.0.0`. Null for what some of them
 * cannot read: a list of providers' versions with one of those fails the whole init.
 */
export function canonicalVersion(text: string): string | null {
  const version = parse(text);
  return version === null ? null : formatted(version);
}

/** What clients make of a version in a list of modules' versions, where a `v` in front does no harm. */
export function canonicalModuleVersion(text: string): string | null {
  return canonicalVersion(text.startsWith('v') ? text.slice(1) : text);
}

/** Whether a version may be published here: one of semver.org's (numbers in a pre-release have no zeros in front either), short enough for a tag that OpenTofu reads. */
export function isPublishable(text: string): boolean {
  const version = text.length > MAX_PUBLISHED_CHARACTERS ? null : parse(text);
  return version !== null && formatted(version) === text && version.pre.every((identifier) => !/^0\d+$/.test(identifier));
}

/** Whether it is a pre-release, which clients take only when it is named exactly. What is no version is none. */
export function isPrerelease(text: string): boolean {
  return (parse(text)?.pre.length ?? 0) > 0;
}

/**
 * The order of semver.org; versions that differ in build metadata alone are ordered by it, as text, so that 0 means the same version.
 * What is no version comes before all others, by its text.
 */
export function compareVersions(left: string, right: string): number {
  return compareKeys(keyOf(left), keyOf(right));
}

/** All of `versions`, the newest first; each is taken apart only once. */
export function newestFirst(versions: Iterable<string>): string[] {
  return sortedByVersion(Array.from(versions), (version) => version);
}

/** Things that have a version, those of the newest first: some lists have thousands. */
export function sortedByVersion<T>(items: readonly T[], versionOf: (item: T) => string): T[] {
  const keyed = items.map((item) => ({ item, key: keyOf(versionOf(item)) }));
  return keyed.sort((left, right) => compareKeys(right.key, left.key)).map(({ item }) => item);
}

/** The newest release; where there is none, the newest pre-release; null where there is nothing. */
export function latestVersion(versions: Iterable<string>): string | null {
  const sorted = newestFirst(versions);
  return sorted.find((version) => !isPrerelease(version)) ?? sorted[0] ?? null;
}

interface Key {
  readonly text: string;
  readonly version: Version | null;
}

function keyOf(text: string): Key {
  return { text, version: parse(text) };
}

function parse(text: string): Version | null {
  const match = text.length > MAX_CHARACTERS ? null : VERSION.exec(text);
  if (match === null) {
    return null;
  }
  const [, major = '0', minor = '0', patch = '0', pre, build = ''] = match;
  const numbers = [BigInt(major), BigInt(minor), BigInt(patch)] as const;
  return numbers.some((number) => number > MAX_NUMBER) ? null : { numbers, pre: pre?.split('.') ?? [], build };
}

function formatted({ numbers, pre, build }: Version): string {
  return `${numbers.join('.')}${pre.length === 0 ? '' : `-${pre.join('.')}`}${build === '' ? '' : `+${build}`}`;
}

function compareKeys(left: Key, right: Key): number {
  if (left.version === null || right.version === null) {
    const known = Number(left.version !== null) - Number(right.version !== null);
    return known === 0 ? compared(left.text, right.text) : known;
  }
  return compareParsed(left.version, right.version);
}

function compareParsed(left: Version, right: Version): number {
  for (const [index, number] of left.numbers.entries()) {
    const order = compared(number, right.numbers[index] ?? 0n);
    if (order !== 0) {
      return order;
    }
  }
  return comparePre(left.pre, right.pre) || compared(left.build, right.build);
}

/** semver.org, 11. */
function comparePre(left: readonly string[], right: readonly string[]): number {
  if (left.length === 0 || right.length === 0) {
    return Number(left.length === 0) - Number(right.length === 0);
  }
  for (const [index, identifier] of left.entries()) {
    const other = right[index];
    const order = other === undefined ? 1 : compareIdentifiers(identifier, other);
    if (order !== 0) {
      return order;
    }
  }
  return left.length - right.length;
}

function compareIdentifiers(left: string, right: string): number {
  const numeric = [left, right].map((identifier) => /^\d+$/.test(identifier));
  if (numeric[0] === true && numeric[1] === true) {
    // Zeros in front change nothing to clients, but 0 is to mean the same text.
    return compared(BigInt(left), BigInt(right)) || compared(left, right);
  }
  return numeric[0] === numeric[1] ? compared(left, right) : Number(numeric[1]) - Number(numeric[0]);
}

function compared<T extends string | bigint>(left: T, right: T): number {
  if (left === right) {
    return 0;
  }
  return left < right ? -1 : 1;
}
