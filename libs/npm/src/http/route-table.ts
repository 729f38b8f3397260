import type { FastifyReply, FastifyRequest } from 'fastify';

import type { Principal } from '@oci-package-proxy/access';

/** One request on its way to a handler. */
export interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly who: Principal;
  /** What the path says, by the pattern's names. */
  readonly params: Readonly<Record<string, string>>;
}

/** Answers a request. */
export type Handler = (exchange: Exchange) => Promise<void>;

/** A route. */
export interface Route {
  readonly methods: readonly string[];
  /**
   * Parts of the path: a literal, `:name` (one part), `:pkg` (a package name, with its scope), `*name` (one or more parts). Also
   * the label in metrics.
   */
  readonly pattern: string;
  readonly handler: Handler;
  /** Set where wrong credentials must not matter: whoever signs in may have an old token. Default false. */
  readonly anybody?: boolean;
}

/** A route and what the path says. */
export interface RouteMatch {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

interface Compiled {
  readonly route: Route;
  readonly pattern: readonly string[];
}

/** Routes, tried in their order. The router of the framework cannot tell `@s%2fn` from `@s/n`, and packages may be called `-`. */
export class RouteTable {
  readonly #routes: readonly Compiled[];

  constructor(routes: readonly Route[]) {
    this.#routes = routes.map((route) => ({ route, pattern: route.pattern.split('/').filter((part) => part !== '') }));
  }

  /** The first route for a method and the parts of a path; null when there is none. */
  find(method: string, parts: readonly string[]): RouteMatch | null {
    for (const { route, pattern } of this.#routes) {
      const params = route.methods.includes(method) ? match(pattern, parts) : null;
      if (params !== null) {
        return { route, params };
      }
    }
    return null;
  }
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
