/**
 * The URL of a file, relative to the document that names it: `../../files/…`. So it is right below any prefix and behind any reverse
 * proxy. It begins with `./` or `../`, without which a client takes a module's location for something else than a URL.
 * @param fromPath path of the document, without query. @param toPath path of the file, which may have a query; both begin with a slash
 * and are below the same prefix, and neither has empty or dot segments.
 */
export function relativeUrl(fromPath: string, toPath: string): string {
  const from = fromPath.split('/').slice(0, -1);
  const [path = '', ...query] = toPath.split('?');
  const to = path.split('/');
  const directories = to.slice(0, -1);
  const common = sharedLength(from, directories);
  const up = '../'.repeat(from.length - common);
  return [up === '' ? './' : up, to.slice(common).join('/'), ...query.map((part) => `?${part}`)].join('');
}

function sharedLength(left: readonly string[], right: readonly string[]): number {
  const differs = left.findIndex((segment, index) => segment !== right[index]);
  return differs === -1 ? left.length : differs;
}
