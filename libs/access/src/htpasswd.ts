// bcrypt of any writer; costs above 15 take seconds and would make every sign-in a denial of service.
const BCRYPT = /^\$2[aby]\$(0[4-9]|1[0-5])\$[./A-Za-z0-9]{53}$/;
const ANY_BCRYPT = /^\$2[abxy]?\$/;
const NAME = /^[^\s:*][^\p{Cc}:]{0,254}$/u;
const RESERVED = new Set(['anonymous', 'authenticated']);

/** A users file, read. */
export interface Htpasswd {
  /** bcrypt hashes by user name. */
  readonly hashes: ReadonlyMap<string, string>;
  /** What is wrong, by line number and without the line's content. */
  readonly problems: readonly string[];
}

/** Reads the format of Apache's `htpasswd -B`: `name:hash` a line, blank lines and `#` comments left out. */
export function parseHtpasswd(text: string): Htpasswd {
  const hashes = new Map<string, string>();
  const problems: string[] = [];
  for (const [index, line] of text.replace(/^\uFEFF/, '').split('\n').entries()) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) {
      continue;
    }
    const { name, hash } = split(trimmed);
    const problem = problemOf(name, hash, hashes);
    if (problem !== null) {
      problems.push(`line ${index + 1}: ${problem}`);
      continue;
    }
    hashes.set(name.normalize('NFC'), hash);
  }
  return { hashes, problems };
}

function split(line: string): { readonly name: string; readonly hash: string } {
  const colon = line.indexOf(':');
  return colon === -1 ? { name: '', hash: '' } : { name: line.slice(0, colon), hash: line.slice(colon + 1).trim() };
}

function problemOf(name: string, hash: string, seen: ReadonlyMap<string, string>): string | null {
  if (!NAME.test(name)) {
    return 'must be a user name, a colon and a bcrypt hash';
  }
  if (RESERVED.has(name)) {
    return 'has a user name that means something else in rules; choose another';
  }
  if (seen.has(name.normalize('NFC'))) {
    return 'has the user name of an earlier line';
  }
  if (BCRYPT.test(hash)) {
    return null;
  }
  return ANY_BCRYPT.test(hash) ? 'has a bcrypt hash that is damaged, or costs more than 15' : 'has a hash other than bcrypt; only bcrypt is taken: htpasswd -B';
}
