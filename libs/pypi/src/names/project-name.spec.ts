import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isProjectName, normalizedName } from './project-name.ts';

const names = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?$/);

describe('isProjectName', () => {
  it.each(['a', '0', 'requests', 'zope.interface', 'A--b', 'x'.repeat(200)])('takes %s', (name) => {
    expect(isProjectName(name)).toBe(true);
  });

  it.each(['', '-', '_a', 'a-', '.', '..', 'a/b', 'a\\b', 'a b', 'a\n', '\na', 'a\u0000', 'bár', '\u0130', 'a\u212a', '__proto__', 'x'.repeat(201)])('refuses %j', (name) => {
    expect(isProjectName(name)).toBe(false);
  });
});

describe('normalizedName', () => {
  it.each([
    ['Foo', 'foo'],
    ['Foo.....Bar', 'foo-bar'],
    ['foo___bar', 'foo-bar'],
    ['a-_.b', 'a-b'],
    ['1--1', '1-1'],
  ])('%s is %s', (name, expected) => {
    expect(normalizedName(name)).toBe(expected);
  });

  it('says what a name must be', () => {
    expect(() => normalizedName('../etc')).toThrow(/"\.\.\/etc" is not the name of a project: it must have/);
  });

  it('is a name, and normal already', () => {
    fc.assert(
      fc.property(names, (name) => {
        const normal = normalizedName(name);

        expect(isProjectName(normal)).toBe(true);
        expect(normalizedName(normal)).toBe(normal);
        expect(normal).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
      }),
    );
  });
});
