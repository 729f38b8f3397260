import { createHash } from 'node:crypto';

import { ProxyError } from '@oci-package-proxy/errors';

/** Longest tag, in characters: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests */
export const MAX_TAG_LENGTH = 128;

const HASHED_TAG = /^_h\.[0-9a-f]{64}$/;
// A semver with build metadata: one `+`, which neither ends the text nor stands before a dot.
const PLAIN_VERSION = /^[0-9A-Za-z][0-9A-Za-z.-]*(?:\+[0-9A-Za-z-][0-9A-Za-z.-]*)?$/;
const ESCAPE = /_\.([0-9A-F]{2})/y;

/**
 * The tag of a version: itself with `+` as `_`, as Helm and OpenTofu write it. What is no plain version (epochs,
 * legacy and hostile texts) has every character outside `[A-Za-z0-9.-]` as `_.HH`; what is too long is a hash.
 * Two different versions never have the same tag, and no tag begins with `_` and a lower-case letter but a hash's `_h.`.
 * @throws ProxyError `invalid` for an empty text or one that is no well-formed Unicode.
 */
export function versionTag(version: string): string {
  checkText(version);
  return bounded(PLAIN_VERSION.test(version) ? version.replace('+', '_') : escapeWith(version, /^[A-Za-z0-9.-]$/), version);
}

/** The version that {@link versionTag} made `tag` of; null for a hash and for foreign tags. */
export function versionOfTag(tag: string): string | null {
  const version = tag.includes('_.') ? unescape(tag) : tag.replace('_', '+');
  return version !== null && isCanonical(version, tag, versionTag) ? version : null;
}

/**
 * The tag of a file name: itself, with `_.HH` for everything outside `[A-Za-z0-9._-]`, for a first character that is
 * neither letter nor digit, and for the `_` of a literal `_.`; a hash where that is too long.
 * @throws ProxyError `invalid` for an empty text or one that is no well-formed Unicode.
 */
export function fileTag(filename: string): string {
  checkText(filename);
  return bounded(escapeWith(filename, /^[A-Za-z0-9._-]$/), filename);
}

/** The file name that {@link fileTag} made `tag` of; null for a hash and for foreign tags. */
export function filenameOfTag(tag: string): string | null {
  const filename = unescape(tag);
  return filename !== null && isCanonical(filename, tag, fileTag) ? filename : null;
}

/**
 * Whether a tag begins with `_` and a lower-case letter: the ledger's own. Hashed names (`_h.`) are
 * facts all the same.
 */
export function isReservedTag(tag: string): boolean {
  return /^_[a-z]/.test(tag);
}

function checkText(text: string): void {
  if (text === '' || !text.isWellFormed()) {
    throw new ProxyError('invalid', 'A version or file name is empty or not valid Unicode.');
  }
}

function bounded(tag: string, text: string): string {
  return tag.length <= MAX_TAG_LENGTH ? tag : `_h.${createHash('sha256').update(text, 'utf8').digest('hex')}`;
}

function escapeWith(text: string, literal: RegExp): string {
  const characters = [...text];
  let out = '';
  for (const [index, character] of characters.entries()) {
    const illegalFirst = index === 0 && !/^[A-Za-z0-9]$/.test(character);
    const looksLikeEscape = character === '_' && characters[index + 1] === '.';
    out += illegalFirst || looksLikeEscape || !literal.test(character) ? escapeCharacter(character) : character;
  }
  return out;
}

function escapeCharacter(character: string): string {
  return [...Buffer.from(character, 'utf8')].map((byte) => `_.${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}

function unescape(tag: string): string | null {
  const bytes: number[] = [];
  for (let at = 0; at < tag.length; ) {
    ESCAPE.lastIndex = at;
    const hex = ESCAPE.exec(tag)?.[1];
    bytes.push(hex === undefined ? tag.charCodeAt(at) : Number.parseInt(hex, 16));
    at += hex === undefined ? 1 : 4;
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
  } catch {
    return null;
  }
}

function isCanonical(text: string, tag: string, encode: (text: string) => string): boolean {
  return text !== '' && text.isWellFormed() && !HASHED_TAG.test(tag) && encode(text) === tag;
}
