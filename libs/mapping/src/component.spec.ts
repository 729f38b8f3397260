import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { decodeComponent, encodeComponent, isHashedComponent, MAX_COMPONENT_LENGTH } from './component.ts';
import { hostileText } from './hostile-text.contract.ts';

const ECR_COMPONENT = /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/;

describe('encodeComponent', () => {
  it.each([
    ['lodash', 'lodash'],
    ['auth0', 'auth0'],
    ['left-pad', 'left-pad'],
    ['socket.io', 'socket.io'],
    ['JSONStream', 'x0-0j0s0o0n0stream'],
    ['_foo', 'x0-03foo'],
    ['a--b', 'x0-a-01b'],
    ['.hidden', 'x0-02hidden'],
    ['-', 'x0-01'],
    ['__proto__', 'x0-03_proto_03'],
    ['blobs', 'x0-blobs'],
    ['index.json', 'x0-index.json'],
    ['x0-y', 'x0-x00-y'],
    ['a-0-b', 'x0-a-00-b'],
    ['0', 'x0-00'],
    ['1!2.0', 'x0-1052.00'],
    ['ä', 'x0-09c309a4'],
  ])('%s is %s', (text, encoded) => {
    expect(encodeComponent(text)).toBe(encoded);
    expect(decodeComponent(encoded)).toBe(text);
  });

  it('keeps a name of 100 characters and hashes a longer one', () => {
    const hashed = encodeComponent('a'.repeat(214));

    expect(encodeComponent('a'.repeat(MAX_COMPONENT_LENGTH))).toBe('a'.repeat(MAX_COMPONENT_LENGTH));
    expect(isHashedComponent(hashed)).toBe(true);
    expect(decodeComponent(hashed)).toBeNull();
  });

  it.each(['', '\ud800', 'a\udfffb'])('refuses %j', (text) => {
    expect(() => encodeComponent(text)).toThrow(expect.objectContaining({ code: 'invalid' }));
  });

  it.each(['x0-a', 'x0-', 'x0-0', 'x0-09', 'x0-09zz', 'A', 'a..b', 'x0-01-', 'x0-09ff', ''])('is not what made %j', (encoded) => {
    expect(decodeComponent(encoded)).toBeNull();
  });

  it('is legal, injective and reversible for any text', () => {
    const seen = new Map<string, string>();

    fc.assert(
      fc.property(hostileText, (text) => {
        const encoded = encodeComponent(text);
        expect(encoded).toMatch(ECR_COMPONENT);
        expect(encoded.length).toBeLessThanOrEqual(MAX_COMPONENT_LENGTH);
        expect(encoded.split('-')).not.toContain('0');
        expect(seen.get(encoded) ?? text).toBe(text);
        seen.set(encoded, text);
        expect(isHashedComponent(encoded) ? text : decodeComponent(encoded)).toBe(text);
      }),
      { numRuns: 3000 },
    );
  });

  it('decodes only what it would encode', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^(x0-)?[a-z0-9._-]{1,30}$/), (encoded) => {
        const text = decodeComponent(encoded);
        expect(text === null || encodeComponent(text) === encoded).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });
});
