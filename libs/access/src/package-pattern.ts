import picomatch from 'picomatch';

/** Longest pattern, in characters. */
export const MAX_PATTERN_LENGTH = 256;
/** The pattern that every name matches. */
export const EVERY_PACKAGE = '**';

const OPTIONS = { dot: true, nonegate: true, noextglob: true, strictSlashes: true, windows: false } as const;
// What a user may ask for costs little to match, whatever the name is: matching is a polynomial of this degree.
const MAX_STARS = 3;
const DOTS_ALONE = /(?:^|\/)\.{1,2}(?:\/|$)/;
const SIMPLE = /^[^*?[\]{}()!\\]*(?:\*{1,2}[^*?[\]{}()!\\]*)*$/;

/** Whether rules may have it: a glob in the sense of {@link packageMatcher}. */
export function isPattern(text: string): boolean {
  return text !== '' && text.length <= MAX_PATTERN_LENGTH && !text.startsWith('!') && !/[\p{Cc}\s]/u.test(text);
}

/** Whether tokens may have it: letters and at most three `*` or `**`. */
export function isSimplePattern(text: string): boolean {
  return isPattern(text) && SIMPLE.test(text) && (text.match(/\*+/g)?.length ?? 0) <= MAX_STARS;
}

/**
 * Tests names against globs: `*` stands for anything without a slash, so that it does not match `@acme/tool`; `@acme/*`
 * does, and `**` matches every name. Case counts.
 */
export function packageMatcher(patterns: readonly string[]): (name: string) => boolean {
  if (patterns.includes(EVERY_PACKAGE)) {
    return () => true;
  }
  const matchers = patterns.map((pattern) => picomatch(pattern, OPTIONS));
  // Nothing is called so, and what picomatch makes of it depends on where the pattern has its dots.
  return (name) => !DOTS_ALONE.test(name) && matchers.some((matches) => matches(name));
}

/**
 * Whether every name that matches `narrow` surely matches `wide`. Errs on the side of no: what cannot be told from the
 * patterns' texts is not covered.
 */
export function covers(wide: string, narrow: string): boolean {
  if (wide === EVERY_PACKAGE || wide === narrow) {
    return true;
  }
  if (!SIMPLE.test(wide) || !SIMPLE.test(narrow) || narrow.includes('**')) {
    return false;
  }
  // Only a `*` can take up a `*` in the text, and then it takes up whatever that one stands for; but picomatch has its own mind of nothing and of dots.
  const matches = packageMatcher([wide]);
  return ['*', '', '.'].every((text) => matches(narrow.replaceAll('*', text)));
}
