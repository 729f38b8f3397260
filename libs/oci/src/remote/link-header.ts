const LINK = /<([^<>]*)>((?:\s*;\s*[^\s;,="]+(?:\s*=\s*(?:"[^"]*"|[^\s;,"]+))?)*)/g;
const REL_NEXT = /;\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next)(?=\s*(?:;|$))/i;

/** The target of a `Link` header's `rel="next"`, as it is written there, or `null`: RFC 8288. */
export function nextLink(header: string | readonly string[] | undefined): string | null {
  const values = typeof header === 'string' ? [header] : (header ?? []);
  for (const value of values) {
    for (const [, target, parameters] of value.slice(0, 16_384).matchAll(LINK)) {
      if (target !== undefined && REL_NEXT.test(parameters ?? '')) {
        return target;
      }
    }
  }
  return null;
}
