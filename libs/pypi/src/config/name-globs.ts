import { packageMatcher } from '@oci-package-proxy/access';

/**
 * Tests normalized names against globs, which are normalized as names are (PEP 503): `Acme.Foo_*` is `acme-foo-*`. `*` and `**`
 * stand for anything.
 */
export function nameMatcher(globs: readonly string[]): (name: string) => boolean {
  return packageMatcher(globs.map((glob) => glob.toLowerCase().replaceAll(/[-_.]+/g, '-')));
}
