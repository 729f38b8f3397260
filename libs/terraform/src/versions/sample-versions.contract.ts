import fc from 'fast-check';

const numbers = fc.oneof(fc.nat({ max: 12 }).map(String), fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(String));
const identifier = fc.oneof(fc.nat({ max: 200 }).map(String), fc.stringMatching(/^[0-9A-Za-z-]{1,6}$/), fc.constantFrom('rc', 'alpha', 'beta', '-', '00', '01'));
const identifiers = fc.array(identifier, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.'));

/** Versions as every client writes them. */
export const versions = fc
  .tuple(numbers, numbers, numbers, fc.option(identifiers), fc.option(identifiers, { freq: 2 }))
  .map(([major, minor, patch, pre, build]) => `${major}.${minor}.${patch}${pre === null ? '' : `-${pre}`}${build === null ? '' : `+${build}`}`);

/** Versions, what looks like one, and anything else. */
export const texts = fc.oneof(versions, fc.stringMatching(/^v?[0-9x*.~+-]{0,12}[0-9a-z.+-]{0,8}$/), fc.string({ unit: 'binary' }));
