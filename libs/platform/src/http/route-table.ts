import type { FastifyReply, FastifyRequest } from 'fastify';

import type { Principal } from '@oci-package-proxy/access';

/** One request on its way to a handler. */
export interface RoutedRequest {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly who: Principal;
  /** What the path says, decoded, by the pattern's names. */
  readonly params: Readonly<Record<string, string>>;
}

/** A route, whose handler takes requests of the kind that its table is for. */
export interface TableRoute<E extends RoutedRequest = RoutedRequest> {
  readonly methods: readonly string[];
  /** Parts of the path below the table's base: a literal, `:name` for any one part, or what else the table's match knows. Also the label in metrics. */
  readonly pattern: string;
  /** Whether nobody is asked who they are: credentials are not looked at, right or wrong. */
  readonly anybody?: boolean;
  handler(exchange: E): Promise<void>;
}

/** A route and what the path says. */
export interface RouteMatch<E extends RoutedRequest = RoutedRequest> {
  readonly route: TableRoute<E>;
  readonly params: Readonly<Record<string, string>>;
}

/** What the parts of a path say by a pattern's; null when they do not fit. */
export type PatternMatch = (pattern: readonly string[], parts: readonly string[]) => Record<string, string> | null;

interface Compiled<E extends RoutedRequest> {
  readonly route: TableRoute<E>;
  readonly pattern: readonly string[];
}

/**
 * Routes, tried in their order. The router of the framework cannot do it: several bases have the same routes, a package may be called as
 * a part of a path is, and a slash at the end makes no other route.
 */
export class RouteTable<E extends RoutedRequest = RoutedRequest> {
  readonly #routes: readonly Compiled<E>[];
  readonly #match: PatternMatch;

  /** @param matches for an ecosystem in which a name takes more than one part of a path. */
  constructor(routes: readonly TableRoute<E>[], matches: PatternMatch = match) {
    this.#match = matches;
    this.#routes = routes.map((route) => ({ route, pattern: route.pattern.split('/').filter((part) => part !== '') }));
  }

  /** The first route for a method and the parts of a path; null when there is none. */
  find(method: string, parts: readonly string[]): RouteMatch<E> | null {
    for (const { route, pattern } of this.#routes) {
      const params = route.methods.includes(method) ? this.#match(pattern, parts) : null;
      if (params !== null) {
        return { route, params };
      }
    }
    return null;
  }
}

function match(pattern: readonly string[], parts: readonly string[]): Record<string, string> | null {
  if (pattern.length !== parts.length) {
    return null;
  }
  const params: Record<string, string> = {};
  for (const [index, head] of pattern.entries()) {
    const part = parts[index] ?? '';
    if (head.startsWith(':')) {
      params[head.slice(1)] = part;
    } else if (head !== part) {
      return null;
    }
  }
  return params;
}
