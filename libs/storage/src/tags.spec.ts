import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { claimOf, claimSubject, claimSubjectOfDeletion, claimTag, deletionTag, eventTag, isLater, isStamp, kindOf, type Stamp, stampAfter, stampOf } from './tags.ts';

const HEX = 'd'.repeat(64);

const stamps: fc.Arbitrary<Stamp> = fc.record({
  sequence: fc.integer({ min: 0, max: 9_999_999_999 }),
  random: fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 16, maxLength: 16 }),
});

describe('kindOf', () => {
  it.each([
    ['1.0.0', 'fact'],
    ['1.0.0_build', 'fact'],
    ['latest', 'fact'],
    [`sha256-${HEX}.sig`, 'fact'],
    [`_h.${HEX}`, 'fact'],
    ['_p.linux_amd64.1.0.0', 'fact'],
    ['_.5Fx', 'fact'],
    ['_e.0000000001.0123456789abcdef', 'event'],
    ['_e.1.0123456789abcdef', 'unknown'],
    ['_e.0000000001.0123456789abcdeg', 'unknown'],
    [deletionTag('1.0.0'), 'deletion'],
    ['_t.short', 'unknown'],
    ['_origin', 'origin'],
    ['_snapshot', 'derived'],
    ['_upstream', 'derived'],
    [`_c.0123456789abcdef.0.a.${HEX}`, 'claim'],
    ['_other', 'unknown'],
  ])('%s is %s', (tag, kind) => {
    expect(kindOf(tag)).toBe(kind);
  });
});

describe('stamps', () => {
  it('survive a tag', () => {
    fc.assert(fc.property(stamps, (stamp) => {
      expect(stampOf(eventTag(stamp))).toEqual(stamp);
      expect(kindOf(eventTag(stamp))).toBe('event');
    }));
  });

  it('are ordered one way only', () => {
    fc.assert(fc.property(stamps, stamps, (left, right) => {
      const same = left.sequence === right.sequence && left.random === right.random;

      expect(Number(isLater(left, right)) + Number(isLater(right, left))).toBe(same ? 0 : 1);
    }));
  });

  it('come after everything that is there', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 9_999_999_998 }), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (sequence, random) => {
      const stamp = stampAfter(sequence, () => random);

      expect(isStamp(stamp)).toBe(true);
      expect(isLater(stamp, { sequence, random: 'f'.repeat(16) })).toBe(true);
    }));
  });

  it('say so when somebody used them up', () => {
    expect(() => stampAfter(9_999_999_999, () => 0)).toThrow(expect.objectContaining({ code: 'integrity' }));
  });

  it.each([
    { sequence: -1, random: '0'.repeat(16) },
    { sequence: 1.5, random: '0'.repeat(16) },
    { sequence: Number.NaN, random: '0'.repeat(16) },
    { sequence: 10_000_000_000, random: '0'.repeat(16) },
    { sequence: 1, random: 'zzzz' },
  ])('%j is none', (stamp) => {
    expect(isStamp(stamp)).toBe(false);
  });
});

describe('claims', () => {
  it.each([
    { subject: claimSubject('1.0.0'), round: 0, phase: 'a', digest: HEX, vote: null },
    { subject: claimSubject('1.0.0'), round: 12, phase: 'b', digest: HEX, vote: 'c' },
    { subject: claimSubject('1.0.0'), round: 3, phase: 'b', digest: HEX, vote: 'n' },
  ] as const)('%j survives a tag', (claim) => {
    expect(claimOf(claimTag(claim))).toEqual(claim);
  });

  it.each([`_c.0123456789abcdef.0.a.${HEX}.c`, `_c.0123456789abcdef.0.b.${HEX}`, '_c.x', '1.0.0'])('%s makes none', (tag) => {
    expect(claimOf(tag)).toBeNull();
  });
});

it('a deletion tells which claims were made on what it hides', () => {
  expect(claimSubjectOfDeletion(deletionTag('1.0.0'))).toBe(claimSubject('1.0.0'));
});
