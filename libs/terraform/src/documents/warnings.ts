import { newestFirst } from '../versions/version.ts';

/** How many warnings a client is to print at most; the last says how many more there are. */
const MAX_WARNINGS = 20;
const MAX_CHARACTERS = 1000;

/** Texts that a terminal can print as they are: one line each, no control characters, not too many, none twice, none without end. */
export function printableWarnings(warnings: Iterable<string>): string[] {
  const texts = [...new Set(Array.from(warnings, printable).filter((text) => text !== ''))];
  const more = texts.length - MAX_WARNINGS;
  return more <= 0 ? texts : [...texts.slice(0, MAX_WARNINGS - 1), `And ${more + 1} more warnings.`];
}

/** One warning for each yanked version, the newest version first. @param yanks the reason by version; an empty one: none was given. */
export function yankWarnings(yanks: ReadonlyMap<string, string>): string[] {
  return newestFirst(yanks.keys()).map((version) => {
    const reason = printable(yanks.get(version) ?? '');
    return `Version ${version} was yanked${reason === '' ? '.' : `: ${reason}`}`;
  });
}

function printable(text: string): string {
  // Cut first: what comes from outside may be very long.
  const line = text
    .slice(0, 4 * MAX_CHARACTERS)
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();
  return line.length <= MAX_CHARACTERS ? line : `${line.slice(0, MAX_CHARACTERS - 1).toWellFormed()}…`;
}
