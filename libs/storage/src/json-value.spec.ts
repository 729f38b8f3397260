import { describe, expect, it } from 'vitest';

import { isJsonObject, parseJson } from './json-value.ts';

describe('parseJson', () => {
  it.each(['', '{', 'undefined', '{"a":1}x', '\0', `${'['.repeat(66)}${']'.repeat(66)}`, `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`])('refuses %j without throwing', (text) => {
    expect(parseJson(text)).toBeUndefined();
  });

  it.each([['null', null], ['"a"', 'a'], ['[1,{"b":[]}]', [1, { b: [] }]], [`${'['.repeat(64)}${']'.repeat(64)}`, expect.any(Array)]])('reads %j', (text, value) => {
    expect(parseJson(text)).toEqual(value);
  });

  it('keeps members that are named like those of every object', () => {
    const value = parseJson('{"__proto__":1,"constructor":2}');

    expect(Object.entries(value as object)).toEqual([['__proto__', 1], ['constructor', 2]]);
  });
});

describe('isJsonObject', () => {
  it.each([[{}, true], [[], false], [null, false], ['a', false], [undefined, false]])('%j: %s', (value, expected) => {
    expect(isJsonObject(value)).toBe(expected);
  });
});
