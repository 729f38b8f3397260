import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { spellings, texts } from './sample-versions.contract.ts';
import { canonicalVersion, compareVersions, isPrerelease, normalizedVersion, parseVersion, sortedVersions } from './version.ts';

describe('parseVersion', () => {
  it('takes everything apart', () => {
    expect(parseVersion(' V2!01.0-ALPHA_3-r4.dev05+Ubuntu-007_x \n')).toEqual({
      epoch: 2n,
      release: [1n, 0n],
      pre: { phase: 'a', number: 3n },
      post: 4n,
      dev: 5n,
      local: ['ubuntu', 7n, 'x'],
    });
  });

  it('says what is not there', () => {
    expect(parseVersion('1')).toEqual({ epoch: 0n, release: [1n], pre: null, post: null, dev: null, local: null });
  });
});

describe('normalizedVersion', () => {
  it.each([
    ['1.0', '1.0'],
    ['v1.0.0', '1.0.0'],
    ['0!1', '1'],
    ['01!00.010', '1!0.10'],
    ['1.0a', '1.0a0'],
    ['1.0-c.', '1.0rc0'],
    ['1.0.pre1', '1.0rc1'],
    ['1.0_preview-1', '1.0rc1'],
    ['1.0-1', '1.0.post1'],
    ['1.0rev', '1.0.post0'],
    ['1.0r5', '1.0.post5'],
    ['1.0a-1-2', '1.0a1.post2'],
    ['1.0DEV', '1.0.dev0'],
    ['1.0--dev', null],
    ['1.0+Ubuntu.1', '1.0+ubuntu.1'],
    ['1.0+1e5', '1.0+1e5'],
    ['1.0+0x10', '1.0+0x10'],
    ['1.0+a-01_b', '1.0+a.1.b'],
    ['\u001c1.0\u00a0', '1.0'],
    ['1.0.dev1152921504606846977', '1.0.dev1152921504606846977'],
    ['', null],
    ['1.', null],
    ['1..0', null],
    ['1. 0', null],
    ['1!', null],
    ['1.0+', null],
    ['1.0+1+1', null],
    ['1.0+_a', null],
    ['2004d', null],
    ['1.0\u0000', null],
    ['\ufeff1.0', null],
    ['\u0663.0', null],
    ['1.0po\u017ft1', null],
    ['1.0+\u212a', null],
  ])('of %j is %j', (text, expected) => {
    expect(normalizedVersion(text)).toBe(expected);
  });

  it('is a version with the same normal form', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const normal = normalizedVersion(text);

        expect(normal === null ? null : normalizedVersion(normal)).toBe(normal);
        expect(normal ?? '0').toMatch(/^[0-9a-z.!+]+$/);
      }),
    );
  });

  it.each([
    ['1'.repeat(511) + 'c', null],
    ['1'.repeat(500) + 'r', `${'1'.repeat(500)}.post0`],
    ['1'.repeat(513), null],
    [`${' '.repeat(600)}1.0`, '1.0'],
  ])('has no end of characters (case %#)', (text, expected) => {
    expect(normalizedVersion(text)).toBe(expected);
  });

  it.each([`${'1'.repeat(99_999)}!`, '1.'.repeat(50_000), `1+${'a.'.repeat(50_000)}`, '1a'.repeat(50_000), `${'\t'.repeat(100_000)}x`])('is quick with what is hostile (case %#)', (text) => {
    const started = performance.now();

    expect(normalizedVersion(text)).toBeNull();
    expect(normalizedVersion(text.slice(0, 511) + '!')).toBeNull();
    expect(performance.now() - started).toBeLessThan(500);
  });
});

describe('canonicalVersion', () => {
  it.each([
    ['1.0', '1'],
    ['1.0.0', '1'],
    ['1.0.10.0', '1.0.10'],
    ['0.0', '0'],
    ['100!0.0', '100!0'],
    ['1.0.dev0', '1.dev0'],
    ['1.0rc0+1.0', '1rc0+1.0'],
    [' 2004D ', '2004d'],
    ['LOL\u0130', 'lol\u0130'],
  ])('of %j is %j', (text, expected) => {
    expect(canonicalVersion(text)).toBe(expected);
  });

  it('is its own', () => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(canonicalVersion(canonicalVersion(text))).toBe(canonicalVersion(text));
      }),
    );
  });
});

describe('compareVersions', () => {
  const ordered = [
    ['', 'foo', 'zzz'],
    ['0', '1.0.dev0', '1.dev1152921504606846976', '1.dev1152921504606846977', '1.0a0.dev1', '1a0', '1a0.post0.dev1', '1a0.post0', '1b0', '1rc0', '1', '1+a', '1+a.b', '1+b', '1+0', '1+0.a', '1+0.0', '1+10'],
    ['1.post0.dev1', '1-0', '1.0.0.1', '1.9', '1.10', '2', '20261125', '1!0.dev0'],
  ].flat();

  it('is the order of PEP 440', () => {
    expect(sortedVersions([...ordered].reverse())).toEqual(ordered);
    expect(ordered.slice(1).map((version, index) => compareVersions(ordered[index] ?? '', version))).toEqual(ordered.slice(1).map(() => -1));
  });

  it('calls equal what is one version', () => {
    fc.assert(
      fc.property(fc.oneof(texts, spellings), texts, (left, right) => {
        expect(compareVersions(left, right) === 0).toBe(canonicalVersion(left) === canonicalVersion(right));
        expect(compareVersions(left, canonicalVersion(left))).toBe(0);
      }),
    );
  });

  it('is a total order', () => {
    fc.assert(
      fc.property(texts, texts, texts, (a, b, c) => {
        const [low, middle, high] = sortedVersions([a, b, c]);

        expect(compareVersions(a, b) + compareVersions(b, a)).toBe(0);
        expect(compareVersions(low ?? '', middle ?? '')).toBeLessThanOrEqual(0);
        expect(compareVersions(middle ?? '', high ?? '')).toBeLessThanOrEqual(0);
        expect(compareVersions(low ?? '', high ?? '')).toBeLessThanOrEqual(0);
      }),
    );
  });
});

it.each([
  ['1.0', false],
  ['1.0.post1', false],
  ['1.0+rc1', false],
  ['1.0a1', true],
  ['1.0.post1.dev0', true],
  ['1.0dev', true],
  ['2004d', false],
])('isPrerelease of %s is %s', (text, expected) => {
  expect(isPrerelease(text)).toBe(expected);
});
