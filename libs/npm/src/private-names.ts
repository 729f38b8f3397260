import { packageMatcher } from '@oci-package-proxy/access';

/** Tells which names are never asked of upstream. */
export type PrivateNames = (name: string) => boolean;

/**
 * From globs as access rules have them (`@acme/*`, `acme-**`); `@scope` alone is `@scope/*`. Letters count as equal in either
 * case, as a typing error might take them.
 */
export function privateNames(globs: readonly string[]): PrivateNames {
  const matches = packageMatcher(globs.map((glob) => (/^@[^/]+$/.test(glob) ? `${glob}/*` : glob).toLowerCase()));
  return (name) => matches(name.toLowerCase());
}
