import fc from 'fast-check';

/** Texts that naming schemes trip over: legacy names, prototype members, encoded look-alikes, random Unicode. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    'JSONStream', '-', '_x', '__proto__', 'constructor', 'hasOwnProperty', '..', '.', '%2f', 'a/b', '\0', 'x0-0a', 'x0.abc', '_h.00', '_e.0', '_snapshot',
    'a-0-b', '0-a', 'a-0', '1!2.0', '1.0+cpu', '1.0+a+b', '1.0_a', '1.0_.41', 'aA', '1.0_.2Bcpu', '1.0+.5', '1.0+', 'blobs', 'manifests', 'index.json',
  ),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }).filter((text) => text.isWellFormed()),
  fc.string({ unit: fc.constantFrom(...'aAbB019._-+!~@/'), minLength: 1, maxLength: 10 }),
  fc.string({ unit: fc.constantFrom(...'aA0_.-+25BF'), minLength: 1, maxLength: 8 }),
  fc.string({ unit: fc.constantFrom(...'abcXYZ0-_'), minLength: 90, maxLength: 214 }),
);
