import type { ProjectStatus, StatusMarker, UpstreamFile } from '../model/project-page.ts';

/** A page as one of the decoders found it: nothing is checked against anything else in it. */
export interface ShownPage {
  readonly status: ProjectStatus | null;
  /** As upstream writes them; HTML has none. */
  readonly versions: readonly string[];
  /** In upstream's order, with duplicates. */
  readonly files: readonly UpstreamFile[];
}

const STATUSES: readonly string[] = ['active', 'archived', 'quarantined', 'deprecated'] satisfies StatusMarker[];

// Lengths in hex of the algorithms that anybody checks; for the others anything that can be a digest will do.
const HEX_LENGTHS: ReadonlyMap<string, number> = new Map([
  ['md5', 32],
  ['sha1', 40],
  ['sha224', 56],
  ['sha256', 64],
  ['sha384', 96],
  ['sha512', 128],
  ['blake2b_256', 64],
]);

/** Whether a text can be the name of a file, here and in a URL; whether it is the name of a package file is another question. */
export function isServableFilename(text: string): boolean {
  return text !== '' && text !== '.' && text !== '..' && text.isWellFormed() && !/[/\\\p{Cc}]/u.test(text);
}

/** An absolute URL of the web without its fragment; null for any other. Whoever it names as user is left out: a secret of the operator, when it is inherited from the page's own URL. */
export function webUrl(href: string, base: string): URL | null {
  const url = URL.parse(href.toWellFormed(), base);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    return null;
  }
  if (url.username !== '' || url.password !== '') {
    url.username = '';
    url.password = '';
  }
  if (url.hash !== '' || url.href.endsWith('#')) {
    url.hash = '';
  }
  return url;
}

/** What of some hashes is one: lower-case hex by the name of the algorithm. */
export function soundHashes(entries: Iterable<readonly [string, unknown]>): Readonly<Record<string, string>> {
  const hashes: [string, string][] = [];
  for (const [key, value] of entries) {
    const algorithm = key.toLowerCase();
    const hex = typeof value === 'string' ? value.toLowerCase() : '';
    const length = HEX_LENGTHS.get(algorithm);
    const isKnown = length !== undefined || /^[a-z][a-z0-9_]*$/.test(algorithm);
    if (isKnown && hex.length === (length ?? hex.length) && /^[0-9a-f]{32,}$/.test(hex)) {
      hashes.push([algorithm, hex]);
    }
  }
  return Object.fromEntries(hashes);
}

/** A text that says something, else null. */
export function saidText(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value.toWellFormed() : null;
}

/** PEP 792; null for a status that nobody has defined. */
export function soundStatus(status: unknown, reason: unknown): ProjectStatus | null {
  const marker = typeof status === 'string' ? status.trim().toLowerCase() : '';
  return STATUSES.includes(marker) ? { status: marker as StatusMarker, reason: saidText(reason) } : null;
}
