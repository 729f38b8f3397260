import type { IncomingHttpHeaders } from 'node:http';

// The first pip that keeps pages as Cache-Control says, and so sends `max-age=0` only when it is told to refresh.
const FIRST_CACHING_PIP = { major: 26, minor: 2 };

/**
 * Whether a request asks to pass over what is cached (RFC 9111 §5.2.1): `no-cache`, as uv and hatch send it, or the `max-age=0` of
 * `pip --refresh-package`. Older pips and pdm send `max-age=0` with every single page, which means no more than "ask the index", and
 * would have us ask upstream for every page of every install.
 */
export function wantsFresh(headers: IncomingHttpHeaders): boolean {
  const directives = (headers['cache-control'] ?? '').split(',').map((directive) => directive.trim().toLowerCase());
  return directives.includes('no-cache') || (directives.includes('max-age=0') && isCachingPip(headers['user-agent'] ?? ''));
}

function isCachingPip(agent: string): boolean {
  const [, major, minor] = /^pip\/(\d+)\.(\d+)/.exec(agent) ?? [];
  const { major: firstMajor, minor: firstMinor } = FIRST_CACHING_PIP;
  return Number(major) > firstMajor || (Number(major) === firstMajor && Number(minor) >= firstMinor);
}
