import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { covers, isPattern, isSimplePattern, packageMatcher } from './package-pattern.ts';

describe('packageMatcher', () => {
  it.each([
    ['*', 'lodash', true],
    ['*', '.hidden', true],
    ['*', '@acme/tool', false],
    ['@acme/*', '@acme/tool', true],
    ['@acme/*', '@acme/.x', true],
    ['@acme/*', '@acme', false],
    ['@acme/*', '@acme/', false],
    ['@acme/*', '@acmeevil/tool', false],
    ['@acme/*', 'acme/tool', false],
    ['@*/*', '@any/thing', true],
    ['@*/*', 'plain', false],
    ['acme-*', 'acme-tool', true],
    ['acme-*', '@x/acme-tool', false],
    ['**', '@acme/tool', true],
    ['**', 'host/a/b/c', true],
    ['lodash', 'lodash', true],
    ['lodash', 'Lodash', false],
    ['lodash', 'lodash.get', false],
    ['a.b', 'axb', false],
    ['@(a|b)', 'a', false],
    ['{left,right}-pad', 'right-pad', true],
  ])('%s and %s: %s', (pattern, name, expected) => {
    const matches = packageMatcher([pattern]);

    expect(matches(name)).toBe(expected);
  });

  it('takes a name that matches one of many', () => {
    const matches = packageMatcher(['@acme/*', 'lodash']);

    expect(['@acme/x', 'lodash', 'react'].map(matches)).toEqual([true, true, false]);
  });
});

describe('isPattern', () => {
  it.each([
    ['@acme/*', true, true],
    ['**', true, true],
    ['a*b*c*', true, true],
    ['a*b*c*d*', true, false],
    ['{a,b}', true, false],
    ['[ab]', true, false],
    ['!@acme/*', false, false],
    ['', false, false],
    ['a b', false, false],
    ['x'.repeat(257), false, false],
  ])('%j for rules: %s, for tokens: %s', (pattern, forRules, forTokens) => {
    expect([isPattern(pattern), isSimplePattern(pattern)]).toEqual([forRules, forTokens]);
  });
});

describe('covers', () => {
  it.each([
    ['**', '{a,b}', true],
    ['@acme/*', '@acme/tool', true],
    ['@acme/*', '@acme/tool-*', true],
    ['@acme/*', '@acme/*', true],
    ['@acme/*', '@acme/**', false],
    ['@acme/*', '@*/*', false],
    ['@acme/*', '*', false],
    ['*', '@acme/*', false],
    ['?', '*', false],
    ['{a,b}', 'a', false],
    ['[*]', '*', false],
  ])('%s over %s: %s', (wide, narrow, expected) => {
    expect(covers(wide, narrow)).toBe(expected);
  });

  it('matches no name that is dots alone, whichever of two patterns is asked', () => {
    expect(covers('*.*', '.*')).toBe(false);
    expect(covers('*.*', 'aa.*')).toBe(false);
    expect(packageMatcher(['.*'])('..')).toBe(false);
    expect(packageMatcher(['*.*'])('..')).toBe(false);
    expect(packageMatcher(['**/.*'])('a/../b')).toBe(false);
  });

  it('never says yes where a name matches only the narrow one', () => {
    const piece = fc.constantFrom('a', 'b', '/', '@', '*', '.', '-');
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '@', '.', '-'), maxLength: 3 });
    let said = 0;

    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 7 }), fc.nat(6), fc.nat(6), fc.infiniteStream(text), (parts, from, length, texts) => {
        const narrow = parts.join('').replaceAll(/\*{2,}/g, '*');
        const wide = (parts.slice(0, from).join('') + '*' + parts.slice(from + length).join('')).replaceAll(/\*{2,}/g, '*');
        const name = narrow.replaceAll('*', () => String(texts.next().value));
        if (covers(wide, narrow) && packageMatcher([narrow])(name)) {
          said += 1;
          expect(packageMatcher([wide])(name), `${wide} over ${narrow} with ${name}`).toBe(true);
        }
      }),
      { numRuns: 3000 },
    );
    expect(said).toBeGreaterThan(300);
  });
});
