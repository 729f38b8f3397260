import type { UpstreamDocument } from '@oci-package-proxy/upstream';

/** An object out of a document of upstream's, about which nothing is known. */
export type Unknown = Readonly<Record<string, unknown>>;

/** The object that a document is; null for what is none. A byte order mark does no harm. */
export function objectOf({ bytes }: Pick<UpstreamDocument, 'bytes'>): Unknown | null {
  try {
    return asObject(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return null;
  }
}

/** @returns null for what is no object, lists among it. */
export function asObject(value: unknown): Unknown | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Unknown) : null;
}

/** The objects of a list, not more than `limit` of them; none for what is no list. */
export function objectsOf(value: unknown, limit: number): Unknown[] {
  return listOf(value, limit)
    .map(asObject)
    .filter((item) => item !== null);
}

/** The texts of a list, not more than `limit` of them; none for what is no list. */
export function textsOf(value: unknown, limit: number): string[] {
  return listOf(value, limit).filter((item) => typeof item === 'string');
}

/** A text; empty for what is none. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value.toWellFormed() : '';
}

/**
 * An absolute URL of the web, without fragment; null for what is none. Whoever it names as user is left out: where it is inherited
 * from the document's own URL, it is a secret of the operator.
 */
export function webUrlOf(value: unknown, base: string): string | null {
  const url = typeof value !== 'string' || value === '' ? null : URL.parse(value.toWellFormed(), base);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    return null;
  }
  url.username = '';
  url.password = '';
  url.hash = '';
  return url.href;
}

function listOf(value: unknown, limit: number): unknown[] {
  return Array.isArray(value) ? value.slice(0, limit) : [];
}
