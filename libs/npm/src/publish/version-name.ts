import semver from 'semver';

import { ProxyError } from '@oci-package-proxy/errors';

const MAX_TAG_CHARACTERS = 128;

/**
 * A version as npm stores it: without build metadata, so that `1.0.0+a` and `1.0.0+b` are one version; null for what is no
 * semver (https://semver.org, at most 256 characters).
 */
export function cleanVersion(text: string): string | null {
  return semver.valid(text);
}

/**
 * Refuses names that no client could ask for: ranges, which would hide versions, and what does not go through a URL unchanged.
 * @throws ProxyError `invalid`.
 */
export function checkDistTag(tag: string): void {
  if (semver.validRange(tag) !== null) {
    throw new ProxyError('invalid', `The dist-tag ${quoted(tag)} is also a version or range of versions; choose a word.`);
  }
  // Members of that name are lost in JavaScript's own JSON.
  if (tag.length > MAX_TAG_CHARACTERS || encodedOrNull(tag) !== tag || tag === '__proto__') {
    throw new ProxyError('invalid', `The dist-tag ${quoted(tag)} must be at most ${MAX_TAG_CHARACTERS} letters, digits and any of -_.!~*'().`);
  }
}

/** A text of a client for an error message: in quotes, at most 100 characters of it. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}

function encodedOrNull(text: string): string | null {
  try {
    return encodeURIComponent(text);
  } catch {
    return null;
  }
}
