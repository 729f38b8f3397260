import { compared, compareParsed } from './version-order.ts';

/** A version as PEP 440 takes it apart. Numbers are of any size: dates and hashes are used as such. */
export interface Version {
  readonly epoch: bigint;
  readonly release: readonly bigint[];
  readonly pre: { readonly phase: 'a' | 'b' | 'rc'; readonly number: bigint } | null;
  readonly post: bigint | null;
  readonly dev: bigint | null;
  /** Segments of the local version, in lower case; those of digits alone are numbers. */
  readonly local: readonly (bigint | string)[] | null;
}

/** A longer text is no version: the time that a comparison takes has an end. */
const MAX_CHARACTERS = 512;
/** How many characters the normal form can have more than the text: `1c-1` is `1rc0.post1`, and so on. */
const MAX_GROWTH = 16;

// Without the flags `u` and `v`: with them, `i` would take letters beyond ASCII (ſ for s) for ASCII ones.
const RELEASE = String.raw`v?(?:(?<epoch>\d+)!)?(?<release>\d+(?:\.\d+)*)`;
const PRE = String.raw`(?:[._-]?(?<phase>alpha|a|beta|b|preview|pre|c|rc)[._-]?(?<pre>\d*))?`;
const POST = String.raw`(?:-(?<implicit>\d+)|[._-]?(?<post>post|rev|r)[._-]?(?<postNumber>\d*))?`;
const DEV = String.raw`(?:[._-]?(?<dev>dev)[._-]?(?<devNumber>\d*))?`;
const LOCAL = String.raw`(?:\+(?<local>[a-z0-9]+(?:[._-][a-z0-9]+)*))?`;
const VERSION = new RegExp(`^${RELEASE}${PRE}${POST}${DEV}${LOCAL}$`, 'i');
const PHASES: Readonly<Record<string, 'a' | 'b' | 'rc'>> = { a: 'a', alpha: 'a', b: 'b', beta: 'b', c: 'rc', rc: 'rc', pre: 'rc', preview: 'rc' };

// What Python calls white space and JavaScript does not.
const PYTHON_SPACES = '\u001c\u001d\u001e\u001f\u0085';

/** Takes a version apart, in any of the spellings of PEP 440, Appendix B; null for what is none, or has over 512 characters. */
export function parseVersion(text: string): Version | null {
  const trimmed = trimSpaces(text);
  const groups = trimmed.length > MAX_CHARACTERS ? undefined : VERSION.exec(trimmed)?.groups;
  if (groups === undefined) {
    return null;
  }
  const { epoch, release = '', phase, pre, implicit, post, postNumber, dev, devNumber, local } = groups;
  const version: Version = {
    epoch: number(epoch),
    release: release.split('.').map(number),
    pre: phase === undefined ? null : { phase: PHASES[phase.toLowerCase()] ?? 'rc', number: number(pre) },
    post: post === undefined && implicit === undefined ? null : number(implicit ?? postNumber),
    dev: dev === undefined ? null : number(devNumber),
    local: local === undefined ? null : local.toLowerCase().split(/[._-]/).map(localSegment),
  };
  // A text that is a version has a normal form that is one too.
  return trimmed.length > MAX_CHARACTERS - MAX_GROWTH && formatted(version).length > MAX_CHARACTERS ? null : version;
}

/** The normal form: PEP 440, "Normalization"; null for what is no version. Zeros at the end of the release stay. */
export function normalizedVersion(text: string): string | null {
  const version = parseVersion(text);
  return version === null ? null : formatted(version);
}

/**
 * What all spellings of a version share, and no other version has: the normal form without zeros at the end of the release, so
 * that 1.0 and 1.0.0 are one. A text that PEP 440 does not know is itself, trimmed, its ASCII letters in lower case.
 */
export function canonicalVersion(text: string): string {
  const version = parseVersion(text);
  if (version === null) {
    // Other letters stay: some become ASCII in lower case, and then two versions would be one.
    return trimSpaces(text).replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  }
  return formatted({ ...version, release: withoutZeros(version.release) });
}

/** Whether it is a pre-release or a development release: PEP 440, "Handling of pre-releases". What is no version is none. */
export function isPrerelease(text: string): boolean {
  const version = parseVersion(text);
  return version !== null && (version.pre !== null || version.dev !== null);
}

/**
 * The order of PEP 440; 0 if and only if {@link canonicalVersion} is the same. What PEP 440 does not know comes before all others,
 * by its text.
 */
export function compareVersions(left: string, right: string): number {
  return compareKeys(keyOf(left), keyOf(right));
}

/** All of `texts`, lowest version first, those that are equal as they came; each is taken apart only once. */
export function sortedVersions(texts: Iterable<string>): string[] {
  const keyed = Array.from(texts, (text) => ({ text, key: keyOf(text) }));
  return keyed.sort((left, right) => compareKeys(left.key, right.key)).map(({ text }) => text);
}

function keyOf(text: string): Version | string {
  return parseVersion(text) ?? canonicalVersion(text);
}

function compareKeys(left: Version | string, right: Version | string): number {
  if (typeof left === 'string' && typeof right === 'string') {
    return compared(left, right);
  }
  if (typeof left === 'string') {
    return -1;
  }
  return typeof right === 'string' ? 1 : compareParsed(left, right);
}

function formatted({ epoch, release, pre, post, dev, local }: Version): string {
  return [
    epoch === 0n ? '' : `${epoch}!`,
    release.join('.'),
    pre === null ? '' : `${pre.phase}${pre.number}`,
    post === null ? '' : `.post${post}`,
    dev === null ? '' : `.dev${dev}`,
    local === null ? '' : `+${local.join('.')}`,
  ].join('');
}

/** `release` without the zeros at its end; one number stays. */
function withoutZeros(release: readonly bigint[]): readonly bigint[] {
  return release.slice(0, Math.max(1, release.findLastIndex((part) => part !== 0n) + 1));
}

function number(digits: string | undefined): bigint {
  return BigInt(digits ?? 0);
}

function localSegment(text: string): bigint | string {
  return /^\d+$/.test(text) ? BigInt(text) : text;
}

function trimSpaces(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charAt(start))) {
    start += 1;
  }
  while (end > start && isSpace(text.charAt(end - 1))) {
    end -= 1;
  }
  return text.slice(start, end);
}

function isSpace(character: string): boolean {
  return PYTHON_SPACES.includes(character) || (character !== '\ufeff' && character.trim() === '');
}
