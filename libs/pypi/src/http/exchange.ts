import type { RoutedRequest, TableRoute } from '@oci-package-proxy/platform';

import type { PypiIndex } from '../config/indexes.ts';

/** One request on its way to a handler. */
export type Exchange = RoutedRequest;

/** One request to an index. */
export interface IndexExchange extends Exchange {
  readonly index: PypiIndex;
  /** Path prefix of the index: `''`, `/pypi`, `/pypi/internal`. */
  readonly path: string;
}

/** A route, whose handler takes exchanges of the kind that its table is for. */
export type Route<E extends Exchange = Exchange> = TableRoute<E>;
