/** `text` as an http or https URL without slashes at its end; null for what is none, or has a user, password, query or fragment. */
export function plainUrl(text: string): string | null {
  const url = URL.parse(text.trim());
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    return null;
  }
  return url.href.replace(/\/+$/, '');
}
