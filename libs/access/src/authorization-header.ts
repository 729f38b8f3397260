import { ProxyError } from '@oci-package-proxy/errors';

/** What an Authorization header shows: RFC 6750 §2.1, RFC 7617 §2. */
export type ShownCredential = { readonly kind: 'bearer'; readonly token: string } | { readonly kind: 'basic'; readonly name: string; readonly password: string };

const HEADER = /^(bearer|basic)[ \t]+([^\s]+)[ \t]*$/i;
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;
const MAX_LENGTH = 8192;

/** @throws ProxyError `unauthenticated` when it is neither Bearer nor Basic, or malformed. */
export function parseAuthorization(header: string): ShownCredential {
  const match = header.length > MAX_LENGTH ? null : HEADER.exec(header);
  const [, scheme = '', value = ''] = match ?? [];
  if (scheme.toLowerCase() === 'bearer') {
    return { kind: 'bearer', token: value };
  }
  const pair = scheme === '' ? null : userAndPassword(value);
  if (pair === null) {
    throw new ProxyError('unauthenticated', 'The Authorization header is malformed: send Bearer with a token, or Basic with user name and password.');
  }
  return { kind: 'basic', ...pair };
}

/** A user name and a password in base64: RFC 7617 §2, and what docker's `config.json` has as `auth`. Null when it is none. */
export function userAndPassword(base64: string): { readonly name: string; readonly password: string } | null {
  const text = BASE64.test(base64) ? Buffer.from(base64, 'base64').toString('utf8') : '';
  const colon = text.indexOf(':');
  return colon === -1 ? null : { name: text.slice(0, colon), password: text.slice(colon + 1) };
}
