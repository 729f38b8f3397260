import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { texts, versions } from './sample-versions.contract.ts';
import { canonicalModuleVersion, canonicalVersion, compareVersions, isPrerelease, isPublishable, isVersion, latestVersion, newestFirst } from './version.ts';

// What apparentlymart/go-versions 1.0.2 and hashicorp/go-version 1.8.0 both make of it; null where one of them fails.
describe('canonicalVersion', () => {
  it.each([
    ['1.0.0', '1.0.0'],
    ['1', '1.0.0'],
    ['1.2', '1.2.0'],
    ['20240101', '20240101.0.0'],
    ['01.002.0003', '1.2.3'],
    ['1-rc.1', '1.0.0-rc.1'],
    ['1.0.0-rc.1+build.5', '1.0.0-rc.1+build.5'],
    ['1.0.0-01', '1.0.0-01'],
    ['1.0.0--', '1.0.0--'],
    ['1.0.0+01', '1.0.0+01'],
    ['9223372036854775807.0.0', '9223372036854775807.0.0'],
    ['9223372036854775808.0.0', null],
    ['18446744073709551616.0.0', null],
    ['v1.0.0', null],
    ['1.0.0.0', null],
    ['1.0.x', null],
    ['1.*', null],
    ['1.0.0beta', null],
    ['1.0.0-', null],
    ['1.0.0-a..b', null],
    ['1.0.0+', null],
    ['1.0.0+a+b', null],
    ['1.0.0~1', null],
    ['1.0.0_b', null],
    ['=1.0.0', null],
    ['>= 1.0.0', null],
    [' 1.0.0', null],
    ['1.0.0\n', null],
    ['1.0.\u0663', null],
    ['latest', null],
    ['', null],
  ])('of %j is %j', (text, expected) => {
    expect(canonicalVersion(text)).toBe(expected);
  });

  it('is a version, and its own canonical form', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const canonical = canonicalVersion(text);

        expect(canonical === null || isVersion(canonical)).toBe(true);
        expect(isVersion(text)).toBe(canonical === text);
      }),
    );
  });

  it('takes every version as it is', () => {
    fc.assert(
      fc.property(versions, (version) => {
        expect(canonicalVersion(version)).toBe(version);
      }),
    );
  });

  it.each(['1'.repeat(100_000), `1.0.0-${'a.'.repeat(50_000)}`, `1.0.0+${'-'.repeat(100_000)}`])('is quick with what is hostile (case %#)', (text) => {
    const started = performance.now();

    expect(canonicalVersion(text)).toBeNull();
    expect(canonicalVersion(`${text.slice(0, 255)}!`)).toBeNull();
    expect(performance.now() - started).toBeLessThan(200);
  });
});

describe('canonicalModuleVersion', () => {
  it.each([
    ['v1.0.0', '1.0.0'],
    ['v2', '2.0.0'],
    ['1.0.0', '1.0.0'],
    ['vv1.0.0', null],
    ['version-1', null],
  ])('of %j is %j', (text, expected) => {
    expect(canonicalModuleVersion(text)).toBe(expected);
  });
});

describe('isPublishable', () => {
  it.each(['0.0.1', '1.0.0-rc.1', '1.0.0-0', '1.0.0-0a', '1.0.0+build.01', `1.0.0-${'a'.repeat(122)}`])('takes %s', (version) => {
    expect(isPublishable(version)).toBe(true);
  });

  it.each(['1', '1.0', 'v1.0.0', '01.0.0', '1.0.0-01', '1.0.0-rc.007', `1.0.0-${'a'.repeat(123)}`, 'latest', ''])('refuses %s', (version) => {
    expect(isPublishable(version)).toBe(false);
  });
});

describe('the order', () => {
  // semver.org, 11.4.4, between others.
  const ascending = ['latest', 'v9.0.0', '0.9.9', '1.0.0-0', '1.0.0-2', '1.0.0-11', '1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-alpha.beta', '1.0.0-beta', '1.0.0-beta.2', '1.0.0-beta.11', '1.0.0-rc.1', '1.0.0', '1.0.0+1', '1.0.0+2', '1.0.1', '1.0.10', '1.2.0', '1.10.0', '9.0.0', '10.0.0', '9007199254740993.0.0'];

  it('is that of semver.org', () => {
    expect(newestFirst(ascending)).toEqual(ascending.toReversed());
    expect(newestFirst(ascending.toReversed())).toEqual(ascending.toReversed());
  });

  it('is total, and 0 means the same text', () => {
    fc.assert(
      fc.property(texts, texts, texts, (first, second, third) => {
        const [low = '', middle = '', high = ''] = [first, second, third].sort(compareVersions);

        expect(compareVersions(low, middle)).toBeLessThanOrEqual(0);
        expect(compareVersions(middle, high)).toBeLessThanOrEqual(0);
        expect(compareVersions(low, high)).toBeLessThanOrEqual(0);
        expect(Math.sign(compareVersions(first, second)) + Math.sign(compareVersions(second, first))).toBe(0);
        expect(compareVersions(first, second) === 0).toBe(first === second || (canonicalVersion(first) !== null && canonicalVersion(first) === canonicalVersion(second)));
      }),
    );
  });

  it('of a list does not depend on how it came', () => {
    fc.assert(
      fc.property(fc.uniqueArray(versions), (list) => {
        expect(newestFirst(list)).toEqual(newestFirst(list.toReversed()));
      }),
    );
  });
});

describe('latestVersion', () => {
  it.each([
    [['1.0.0', '2.0.0-rc.1', '1.10.0', '1.9.0'], '1.10.0'],
    [['2.0.0-rc.1', '2.0.0-beta'], '2.0.0-rc.1'],
    [['1.0.0+b', '1.0.0+a'], '1.0.0+b'],
    [[], null],
  ])('of %j is %j', (list, expected) => {
    expect(latestVersion(list)).toBe(expected);
  });

  it('is no pre-release where there is a release', () => {
    fc.assert(
      fc.property(fc.array(versions, { minLength: 1 }), (list) => {
        const latest = latestVersion(list) ?? '';

        expect(list).toContain(latest);
        expect(isPrerelease(latest)).toBe(list.every(isPrerelease));
      }),
    );
  });
});
