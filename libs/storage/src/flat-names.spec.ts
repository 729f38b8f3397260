import { repositoryName } from '@oci-package-proxy/mapping';
import { RemoteRegistry, registryProfile } from '@oci-package-proxy/oci';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';

/** As long as a namespace of Docker Hub may be, and more than that. */
const PREFIX = 'a-namespace-of-forty-characters-at-most-x';
/** Host, prefix and name together: most clients' limit for the latter two. */
const MAX_NAME = 255;
/** `terraform/modules/<host>/<namespace>/<name>/<system>` */
const MOST_PARTS = 6;

const part = fc.oneof(
  fc.constantFrom('0', '-0-', 'a-0-b', '0-a', 'a-0', 'x0-0a', 'x0.abc', 'blobs', 'a--b', 'a_b', 'catalog', 'JSONStream', '__proto__', 'host.example.com:8443'),
  fc.string({ unit: fc.constantFrom(...'ab09-._'), minLength: 1, maxLength: 6 }),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((text) => text.isWellFormed()),
  fc.string({ unit: fc.constantFrom(...'abcXYZ0-_'), minLength: 60, maxLength: 214 }),
);

describe('a registry with flat names', () => {
  const registry = new RemoteRegistry({ url: `https://registry.example.com/${PREFIX}`, profile: registryProfile({ overrides: { names: 'flat' } }) });

  afterAll(() => registry.close());

  function flat(parts: readonly string[]): string {
    const { name } = registry.repository(repositoryName(parts));
    expect(name.startsWith(`${PREFIX}/`)).toBe(true);
    return name.slice(PREFIX.length + 1);
  }

  it('has one part below the prefix for each name, as the mapping would make it, and never the same for two', () => {
    const seen = new Map<string, string>();
    let equal = 0;

    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: MOST_PARTS }), (parts) => {
        const name = flat(parts);
        const key = JSON.stringify(parts);
        expect(name).not.toContain('/');
        expect(`${PREFIX}/${name}`.length).toBeLessThanOrEqual(MAX_NAME);
        expect(seen.get(name) ?? key).toBe(key);
        seen.set(name, key);
        // Longer ones are hashed by the mapping when it joins them, and here only where the nested name is too long.
        const joined = repositoryName(parts, { flat: true });
        if (!/-0-x0\.[a-z2-7]{52}$/.test(joined)) {
          expect(name).toBe(joined);
          equal += 1;
        }
      }),
      { numRuns: 5000 },
    );

    expect(equal).toBeGreaterThan(1000);
  });

  it.each([
    [['npm', 'lodash'], 'npm-0-lodash'],
    [['npm', 'types', 'node'], 'npm-0-types-0-node'],
    [['catalog', 'npm', '0'], 'catalog-0-npm-0-x0-00'],
    [['terraform', 'modules', 'registry.example.com', 'acme', 'vpc', 'aws'], 'terraform-0-modules-0-registry.example.com-0-acme-0-vpc-0-aws'],
  ])('calls %j %s', (parts, expected) => {
    expect(flat(parts)).toBe(expected);
  });
});
