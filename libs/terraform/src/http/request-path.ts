import { ProxyError } from '@oci-package-proxy/errors';

/**
 * The parts of a request's path below `basePath`, decoded; a plus sign is one, written `%2B` or not.
 * @throws ProxyError `invalid` for an escape that is none.
 */
export function pathParts(url: string, basePath: string): string[] {
  return pathBelow(url, basePath)
    .split('/')
    .map((part) => decoded(part))
    .filter((part) => part !== '');
}

/** The path of a request below `basePath` as it was sent, without query: it begins with a slash. */
export function pathBelow(url: string, basePath: string): string {
  const path = url.replace(/[?#].*$/s, '');
  const below = path.startsWith(basePath) ? path.slice(basePath.length) : path;
  return below.startsWith('/') ? below : `/${below}`;
}

/** The query of a request. */
export function queryOf(url: string): URLSearchParams {
  return new URLSearchParams(/\?([^#]*)/s.exec(url)?.[1] ?? '');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ProxyError('invalid', 'The URL has a percent sign that starts no valid escape.');
  }
}
