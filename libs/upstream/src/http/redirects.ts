import { ProxyError } from '@oci-package-proxy/errors';

import type { UpstreamResponse } from '../upstream-port.ts';
import { subjectOf } from './failures.ts';

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const SECRET_HEADERS: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization']);

/**
 * Where an answer sends us; `null` when it is no redirect. Nothing of the URL is kept: it may be presigned.
 * @throws ProxyError `policy` when it leads out of TLS (but for a configured origin), or to something that is no HTTP.
 */
export function redirectTarget(answer: UpstreamResponse, from: URL, allowedOrigins: ReadonlySet<string>): URL | null {
  const location = answer.headers['location'];
  if (!REDIRECTS.has(answer.status) || location === undefined) {
    return null;
  }
  const target = URL.parse(location, from.href);
  const http = target !== null && (target.protocol === 'https:' || target.protocol === 'http:');
  if (!http || (from.protocol === 'https:' && target.protocol === 'http:' && !allowedOrigins.has(target.origin))) {
    answer.body.destroy();
    throw new ProxyError('policy', `${subjectOf(from)}: ${from.host} redirects to where no request may go (no HTTP, or out of TLS)`);
  }
  target.hash = '';
  target.username = '';
  target.password = '';
  return target;
}

/** The caller's headers, without its secrets once another origin is asked. */
export function headersForHop(headers: Readonly<Record<string, string>>, url: URL, start: URL): Record<string, string> {
  const kept = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  if (url.origin === start.origin) {
    return Object.fromEntries(kept);
  }
  return Object.fromEntries(kept.filter(([name]) => !SECRET_HEADERS.has(name)));
}
