/**
 * Where a `Location` or `Link` points, seen from `base`; `null` when it is no http(s) URL or would leave TLS. An
 * `http:` URL of the registry's own host, as registries behind a TLS proxy send it, is read as the registry's origin.
 */
export function resolveLocation(location: string, base: URL, registry: URL): URL | null {
  const target = URL.parse(location, base.href);
  if (target === null || (target.protocol !== 'https:' && target.protocol !== 'http:')) {
    return null;
  }
  target.hash = '';
  if (target.protocol === 'https:' || registry.protocol === 'http:') {
    return target;
  }
  return target.hostname === registry.hostname ? new URL(target.pathname + target.search, registry.origin) : null;
}
