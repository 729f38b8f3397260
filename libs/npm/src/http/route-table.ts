import { type RoutedRequest, RouteTable, type TableRoute } from '@oci-package-proxy/platform';

/** One request on its way to a handler. */
export type Exchange = RoutedRequest;

/** Answers a request. */
export type Handler = (exchange: Exchange) => Promise<void>;

/** A route. Besides `:name`, its pattern may have `:pkg` (a package name, with its scope) and `*name` (one or more parts). */
export type Route = TableRoute;

/** A table in which `@s%2fn` and `@s/n` are one package, and packages may be called `-`. */
export function routeTable(routes: readonly Route[]): RouteTable {
  return new RouteTable(routes, match);
}

function match(pattern: readonly string[], parts: readonly string[]): Record<string, string> | null {
  const [head, ...tail] = pattern;
  if (head === undefined) {
    return parts.length === 0 ? {} : null;
  }
  for (const [value, used] of candidates(head, parts)) {
    const rest = match(tail, parts.slice(used));
    if (rest !== null) {
      return value === null ? rest : { ...rest, [head.slice(1)]: value };
    }
  }
  return null;
}

/** What `head` can stand for at the beginning of `parts`: the value, and how many parts it takes. */
function candidates(head: string, parts: readonly string[]): readonly (readonly [string | null, number])[] {
  const [first] = parts;
  if (first === undefined) {
    return [];
  }
  if (head === ':pkg') {
    const [, second] = parts;
    if (!first.startsWith('@')) {
      return [[first, 1]];
    }
    return second === undefined ? [] : [[`${first}/${second}`, 2]];
  }
  if (head.startsWith(':')) {
    return [[first, 1]];
  }
  if (head.startsWith('*')) {
    return parts.map((_, index) => [parts.slice(0, index + 1).join('/'), index + 1] as const);
  }
  return head === first ? [[null, 1]] : [];
}
