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
  const text = scheme === '' || !BASE64.test(value) ? '' : Buffer.from(value, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon === -1) {
    throw new ProxyError('unauthenticated', 'The Authorization header is malformed: send Bearer with a token, or Basic with user name and password.');
  }
  return { kind: 'basic', name: text.slice(0, colon), password: text.slice(colon + 1) };
}
