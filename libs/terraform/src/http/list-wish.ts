import { ProxyError } from '@oci-package-proxy/errors';

import type { ModuleAddress } from '../model/address.ts';
import { queryOf } from './request-path.ts';
import type { Exchange } from './exchange.ts';

const DEFAULT_LIMIT = 15;
const MAX_LIMIT = 100;
const MAX_OFFSET = 10_000_000;

/** Which modules somebody wants to see, and how many. */
export interface ListWish {
  readonly limit: number;
  readonly offset: number;
  accepts(address: ModuleAddress): boolean;
}

/**
 * What path and query of a list say: `offset`, `limit`, `provider` (the system), `verified` and `q` (words that all have to be in
 * the address).
 * @throws ProxyError `invalid` for a number that is none.
 */
export function listWish({ request, params }: Pick<Exchange, 'request' | 'params'>): ListWish {
  const query = queryOf(request.originalUrl);
  const words = (query.get('q') ?? '').toLowerCase().split(/[\s/]+/).filter((word) => word !== '');
  const systems = query.getAll('provider').filter((system) => system !== '');
  // Nobody verifies anything here.
  const none = query.get('verified') === 'true';
  return {
    limit: Math.min(MAX_LIMIT, Math.max(1, numberIn(query, 'limit', DEFAULT_LIMIT))),
    offset: Math.min(MAX_OFFSET, numberIn(query, 'offset', 0)),
    accepts: ({ namespace, name, system }) =>
      !none &&
      (params['namespace'] ?? namespace) === namespace &&
      (params['name'] ?? name) === name &&
      (systems.length === 0 || systems.includes(system)) &&
      words.every((word) => `${namespace}/${name}/${system}`.toLowerCase().includes(word)),
  };
}

function numberIn(query: URLSearchParams, name: string, otherwise: number): number {
  const text = query.get(name) ?? '';
  if (text === '') {
    return otherwise;
  }
  if (!/^\d{1,9}$/.test(text)) {
    throw new ProxyError('invalid', `${name} must be a whole number.`);
  }
  return Number(text);
}
