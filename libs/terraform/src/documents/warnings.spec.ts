import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { printableWarnings, yankWarnings } from './warnings.ts';

describe('printableWarnings', () => {
  it.each([
    [['one', 'two', 'one'], ['one', 'two']],
    [['  a\r\n\tb  ', '', ' \n'], ['a b']],
    [['\u001b[31mred\u001b[0m \u202egnp.exe \u0000x'], ['[31mred [0m gnp.exe x']],
    [['a'.repeat(2_000)], [`${'a'.repeat(999)}…`]],
    [[`${'a'.repeat(998)}😀b`], [`${'a'.repeat(998)}�…`]],
  ])('of %j (case %#)', (warnings, expected) => {
    expect(printableWarnings(warnings)).toEqual(expected);
  });

  it('says how many are left out', () => {
    const warnings = Array.from({ length: 30 }, (_, index) => `Warning ${index}`);

    expect(printableWarnings(warnings)).toEqual([...warnings.slice(0, 19), 'And 11 more warnings.']);
    expect(printableWarnings(warnings.slice(0, 20))).toEqual(warnings.slice(0, 20));
  });

  it('can be printed, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 40 }), (warnings) => {
        const texts = printableWarnings(warnings);

        expect(texts.length).toBeLessThanOrEqual(20);
        expect(texts.every((text) => text.length <= 1000 && text.isWellFormed() && /^[^\p{Cc}\p{Cf}\s](?:[^\p{Cc}\p{Cf}]*)$/u.test(text))).toBe(true);
      }),
    );
  });
});

describe('yankWarnings', () => {
  it('names the newest version first, and why it was yanked', () => {
    const yanks = new Map([
      ['1.0.0', ''],
      ['1.10.0', 'deletes\ndata'],
    ]);

    expect(yankWarnings(yanks)).toEqual(['Version 1.10.0 was yanked: deletes data', 'Version 1.0.0 was yanked.']);
  });
});
