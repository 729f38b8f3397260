/** `url` without user info, query and fragment, fit for an error text or a log; a text that is no URL is hidden whole. */
export function redactUrl(url: string | URL): string {
  try {
    const parsed = new URL(url);
    parsed.username = '';
    parsed.password = '';
    parsed.search = parsed.search === '' ? '' : '?…';
    parsed.hash = '';
    return parsed.href.replace('?%E2%80%A6', '?…');
  } catch {
    return '(not a URL)';
  }
}
