import type { FastifyReply, FastifyRequest } from 'fastify';

import type { Principal } from '@oci-package-proxy/access';

/** One request on its way to a handler. */
export interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly who: Principal;
  /** What the path says, decoded, by the pattern's names. */
  readonly params: Readonly<Record<string, string>>;
  /** When it came in, as `performance.now()` says. */
  readonly started: number;
}

/** A route and its handler. */
export interface Route {
  readonly methods: readonly string[];
  /** Parts of the path below the table's base: a literal, or `:name` for any one part. Also the label in metrics. */
  readonly pattern: string;
  /** Whether nobody is asked who they are: credentials are not looked at, right or wrong. */
  readonly anybody?: boolean;
  handler(exchange: Exchange): Promise<void>;
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

/** Routes, tried in their order: a module may be called `download`, and a namespace `search`. */
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
