/** What OpenTofu's parser of versions takes, `_` standing for `+`: `versions.ParseVersion` of `apparentlymart/go-versions`. */
const PARSED = /^(\d+)(?:\.(\d+))?(?:\.(\d+))?(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;

/** A tag that OpenTofu reads as a version. */
export interface VersionTag {
  /** The tag that it then asks for; another one is never found. */
  readonly canonical: string;
  /** Whether a number needs more than 64 bits, at which its parser panics. */
  readonly tooLarge: boolean;
}

/** What OpenTofu makes of a tag; null: no version, which it passes over. */
export function parseVersionTag(tag: string): VersionTag | null {
  const match = PARSED.exec(tag.replaceAll('_', '+'));
  if (match === null) {
    return null;
  }
  const numbers = match.slice(1, 4).map((text: string | undefined) => BigInt(text ?? '0'));
  const version = `${numbers.join('.')}${match[4] ?? ''}${match[5] ?? ''}`;
  return { canonical: version.replaceAll('+', '_'), tooLarge: numbers.some((number) => number >= 2n ** 64n) };
}
