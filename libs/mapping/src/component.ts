import { createHash } from 'node:crypto';

import { ProxyError } from '@oci-package-proxy/errors';

// ECR has the strictest grammar of the registries that are in use: no `__`, no `--`.
const LEGAL = /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/;
const HASHED = /^x0\.[a-z2-7]{52}$/;
const ESCAPED_PREFIX = 'x0-';

// What a registry's paths or a layout's directory mean something by. A package of that name must not become a
// directory inside another package's repository.
const RESERVED: ReadonlySet<string> = new Set([
  'blobs', 'manifests', 'tags', 'referrers', 'uploads', 'list', 'index.json', 'oci-layout', 'refs', 'ingest',
]);

/** Longest encoded component, in characters; what would be longer is stored as a hash. */
export const MAX_COMPONENT_LENGTH = 100;

const PUNCTUATION: ReadonlyMap<string, string> = new Map([
  ['-', '01'], ['.', '02'], ['_', '03'], ['~', '04'], ['!', '05'], [':', '06'], ['+', '07'], ['@', '08'],
]);
const PUNCTUATION_OF: ReadonlyMap<string, string> = new Map([...PUNCTUATION].map(([character, code]) => [code, character]));

/**
 * One component of a repository name, legal on the strictest registry grammar (ECR's). Ordinary names stay as they are;
 * the rest is `x0-` and a zero-escape, or a hash (`x0.` and base32) where that would be too long.
 * @throws ProxyError `invalid` for an empty text or one that is no well-formed Unicode.
 */
export function encodeComponent(text: string): string {
  if (text === '' || !text.isWellFormed()) {
    throw new ProxyError('invalid', 'A package name has an empty part or one that is not valid Unicode.');
  }
  if (staysAsItIs(text)) {
    return text;
  }
  const escaped = ESCAPED_PREFIX + escape(text);
  return escaped.length <= MAX_COMPONENT_LENGTH ? escaped : hashed(Buffer.from(text, 'utf8'));
}

/** The text that {@link encodeComponent} made `encoded` of; null for a hash and for what it would never make. */
export function decodeComponent(encoded: string): string | null {
  const text = encoded.startsWith(ESCAPED_PREFIX) ? unescape(encoded.slice(ESCAPED_PREFIX.length)) : encoded;
  if (text === null || text === '' || !text.isWellFormed()) {
    return null;
  }
  return encodeComponent(text) === encoded ? text : null;
}

/** Whether `encoded` stands for a text that was too long to be kept in the name. */
export function isHashedComponent(encoded: string): boolean {
  return HASHED.test(encoded);
}

/** One hash for a whole list of components, in the form of a hashed component. */
export function hashComponents(components: readonly string[]): string {
  // No component's UTF-8 begins with 0xff, so that a list's hash is never that of a component.
  return hashed(Buffer.concat([Buffer.from([0xff]), Buffer.from(JSON.stringify(components), 'utf8')]));
}

function hashed(bytes: Buffer): string {
  return `x0.${base32(createHash('sha256').update(bytes).digest())}`;
}

function staysAsItIs(text: string): boolean {
  return (
    text.length <= MAX_COMPONENT_LENGTH &&
    LEGAL.test(text) &&
    !RESERVED.has(text) &&
    !text.startsWith(ESCAPED_PREFIX) &&
    !text.startsWith('x0.') &&
    // `-0-` joins components in flat mode.
    !text.split('-').includes('0')
  );
}

function escape(text: string): string {
  const characters = [...text];
  let out = '';
  let separatorBefore = true;
  for (const [index, character] of characters.entries()) {
    const separator = character === '-' || character === '.' || character === '_';
    const literal: boolean = separator && !separatorBefore && index < characters.length - 1;
    out += literal ? character : escapeCharacter(character);
    separatorBefore = literal;
  }
  return out;
}

function escapeCharacter(character: string): string {
  if (/^[a-z1-9]$/.test(character)) {
    return character;
  }
  if (character === '0') {
    return '00';
  }
  if (/^[A-Z]$/.test(character)) {
    return `0${character.toLowerCase()}`;
  }
  const code = PUNCTUATION.get(character);
  if (code !== undefined) {
    return code;
  }
  return [...Buffer.from(character, 'utf8')].map((byte) => `09${byte.toString(16).padStart(2, '0')}`).join('');
}

const ESCAPES = /0(?:9([0-9a-f]{2})|(0)|([a-z])|([1-8]))|([a-z1-9._-])/y;

function unescape(escaped: string): string | null {
  const bytes: number[] = [];
  ESCAPES.lastIndex = 0;
  for (let at = 0; at < escaped.length; at = ESCAPES.lastIndex) {
    ESCAPES.lastIndex = at;
    const match: RegExpExecArray | null = ESCAPES.exec(escaped);
    if (match === null) {
      return null;
    }
    const [hex, zero, upper, punctuation, literal]: (string | undefined)[] = match.slice(1);
    if (hex !== undefined) {
      bytes.push(Number.parseInt(hex, 16));
      continue;
    }
    const text = zero ?? upper?.toUpperCase() ?? literal ?? PUNCTUATION_OF.get(`0${punctuation}`) ?? '';
    bytes.push(...Buffer.from(text, 'utf8'));
  }
  return decodeUtf8(bytes);
}

function decodeUtf8(bytes: readonly number[]): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
  } catch {
    return null;
  }
}

/** RFC 4648 base32, lower case, no padding. */
function base32(bytes: Uint8Array): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
  let out = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out += alphabet.charAt((value >>> bits) & 31);
      value &= (1 << bits) - 1;
    }
  }
  return bits > 0 ? out + alphabet.charAt((value << (5 - bits)) & 31) : out;
}
