import { ProxyError } from '@oci-package-proxy/errors';

/**
 * The parts of a request's path below `basePath`, decoded. A scoped name is two parts, however it was written: `@s/n`, `@s%2fn`,
 * or escaped once more by a proxy on the way.
 * @throws ProxyError `invalid` for an escape that is none.
 */
export function pathParts(url: string, basePath: string): string[] {
  const path = url.replace(/[?#].*$/s, '');
  const below = path.startsWith(basePath) ? path.slice(basePath.length) : path;
  const parts: string[] = [];
  for (const raw of below.split('/')) {
    const part = decoded(raw);
    if (part !== '') {
      parts.push(...scopeParts(part));
    }
  }
  return parts;
}

/** Whether the query has `name=true`: `?write=true` asks for what is current. */
export function isQueried(url: string, name: string): boolean {
  const at = url.indexOf('?');
  return at !== -1 && new URLSearchParams(url.slice(at + 1)).get(name) === 'true';
}

function scopeParts(part: string): string[] {
  const once = /^@[^/]*%2f/i.test(part) ? decoded(part) : part;
  const slash = once.indexOf('/');
  return once.startsWith('@') && slash > 0 ? [once.slice(0, slash), once.slice(slash + 1)] : [once];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ProxyError('invalid', 'The URL has a percent sign that starts no valid escape.');
  }
}
