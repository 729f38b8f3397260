import { ProxyError } from '@oci-package-proxy/errors';

/**
 * The parts of a request's path below `basePath`, decoded; a plus sign is one, written `%2B` or not.
 * @throws ProxyError `invalid` for an escape that is none.
 */
export function pathParts(url: string, basePath: string): string[] {
  const path = rawPath(url);
  const below = path.startsWith(basePath) ? path.slice(basePath.length) : path;
  return below
    .split('/')
    .map((part) => decoded(part))
    .filter((part) => part !== '');
}

/** How many slashes the path of a request ends with. */
export function slashesAtEnd(url: string): number {
  return /\/*$/.exec(rawPath(url))?.[0].length ?? 0;
}

/** The query of a request with its question mark, or an empty text. */
export function queryOf(url: string): string {
  const path = rawPath(url);
  return url.slice(path.length).replace(/#.*$/s, '');
}

function rawPath(url: string): string {
  return url.replace(/[?#].*$/s, '');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ProxyError('invalid', 'The URL has a percent sign that starts no valid escape.');
  }
}
