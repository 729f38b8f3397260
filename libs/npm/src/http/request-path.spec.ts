import { describe, expect, it } from 'vitest';

import { isQueried, pathParts } from './request-path.ts';

describe('pathParts', () => {
  it.each([
    ['/', []],
    ['/lodash', ['lodash']],
    ['/@s%2fn', ['@s', 'n']],
    ['/@s%2Fn', ['@s', 'n']],
    ['/@s/n', ['@s', 'n']],
    ['/%40s%2fn', ['@s', 'n']],
    ['/@s%252fn', ['@s', 'n']],
    ['/@s%2fn/-/@s%2fn-1.0.0.tgz?x=1', ['@s', 'n', '-', '@s', 'n-1.0.0.tgz']],
    ['//lodash/', ['lodash']],
    ['/..%2f..%2fetc', ['../../etc']],
    ['/a%2fb', ['a/b']],
  ])('%s', (url, parts) => {
    expect(pathParts(url, '')).toEqual(parts);
  });

  it('leaves the base path out', () => {
    expect(pathParts('/npm/@s%2fn/1.0.0', '/npm')).toEqual(['@s', 'n', '1.0.0']);
    expect(pathParts('/npm', '/npm')).toEqual([]);
  });

  it('refuses an escape that is none', () => {
    expect(() => pathParts('/%zz', '')).toThrow(/escape/);
  });
});

it.each([
  ['/x?write=true', true],
  ['/x?a=1&write=true', true],
  ['/x?write=false', false],
  ['/x', false],
])('%s asks for what is current: %s', (url, fresh) => {
  expect(isQueried(url, 'write')).toBe(fresh);
});
