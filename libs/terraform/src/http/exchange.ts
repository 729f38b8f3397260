import type { RoutedRequest, TableRoute } from '@oci-package-proxy/platform';

/** One request on its way to a handler. */
export interface Exchange extends RoutedRequest {
  /** When it came in, as `performance.now()` says. */
  readonly started: number;
}

/** A route of {@link Exchange}s. */
export type Route = TableRoute<Exchange>;
