import fc from 'fast-check';

const numbers = fc.oneof(fc.nat({ max: 3 }).map(String), fc.nat({ max: 12 }).map((n) => `0${n}`), fc.constantFrom('20261125', String(2n ** 60n), String(2n ** 60n + 1n), '9007199254740993'));
const optionalNumber = fc.option(numbers, { nil: '' });
const separator = fc.constantFrom('', '.', '-', '_');
const segment = fc.oneof(numbers, fc.constantFrom('ubuntu', 'A', 'cu128', '1e5', '0x10', 'g1f', 'dev'));

function suffix(words: readonly string[]): fc.Arbitrary<string> {
  return fc.option(fc.tuple(separator, fc.constantFrom(...words), separator, optionalNumber).map((parts) => parts.join('')), { nil: '' });
}

/** Versions in any of the spellings that PEP 440 takes, often equal to others. */
export const spellings: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom('', '', '', ' ', '\n'),
    fc.constantFrom('', '', 'v', 'V'),
    fc.constantFrom('', '', '', '0!', '1!'),
    fc.array(numbers, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.')),
    suffix(['a', 'ALPHA', 'b', 'beta', 'c', 'rc', 'Pre', 'preview']),
    fc.oneof(suffix(['post', 'rev', 'R']), numbers.map((digits) => `-${digits}`)),
    suffix(['dev', 'DEV']),
    fc.option(fc.array(segment, { minLength: 1, maxLength: 3 }).chain((parts) => separator.map((joint) => `+${parts.join(joint === '' ? '.' : joint)}`)), { nil: '' }),
    fc.constantFrom('', '', '', '\t'),
  )
  .map((parts) => parts.join(''));

/** Versions, and texts of their characters and others, of which few are versions. */
export const texts: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: spellings },
  { weight: 2, arbitrary: fc.array(fc.constantFrom(...'0123.!+-_ vacrbepostdevlh'), { maxLength: 12 }).map((parts) => parts.join('')) },
  { weight: 1, arbitrary: fc.tuple(spellings, fc.constantFrom('!', '+', '..', ' 1', '\u0130', '\u017f', '\u212a', '\ufeff', '+\u0663')).map((parts) => parts.join('')) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 8 }) },
);
