import { ProxyError } from '@oci-package-proxy/errors';

/**
 * `value` as JSON with sorted keys and no white space, so that equal values have equal bytes (RFC 8785's order of keys;
 * numbers as JavaScript writes them). Members that are undefined are left out.
 * @throws ProxyError `internal` for what JSON cannot say.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') {
    return JSON.stringify(value);
  }
  if (typeof value === 'number' && Number.isFinite(value)) {
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) {
    return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`;
  }
  if (typeof value === 'object') {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    members.sort(([left], [right]) => (left < right ? -1 : 1));
    return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`).join(',')}}`;
  }
  throw new ProxyError('internal', `A ${typeof value} cannot be written as JSON.`);
}
