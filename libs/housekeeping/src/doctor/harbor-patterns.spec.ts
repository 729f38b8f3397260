import { describe, expect, it } from 'vitest';

import { type Cover, coverOf, coverOfTags, isFor } from './harbor-patterns.ts';

describe('a pattern of Harbor', () => {
  it.each([
    ['', 'a/b'],
    ['**', 'a/b/c'],
    ['a/**', 'a/b/c'],
    ['**/c', 'c'],
    ['a/**/c', 'a/c'],
    ['a/*/c', 'a/b/c'],
    ['{a,b}/**', 'b/c'],
    ['{a/**,b}', 'a/b/c'],
    ['{v{1,2},w}.?', 'v2.x'],
    ['_*', '_snapshot'],
    ['*a*b', 'aaabab'],
    [`${'*0'.repeat(200)}*`, '0'.repeat(300)],
  ])('%j is for %s', (pattern, name) => {
    expect(isFor(pattern, name)).toBe(true);
  });

  it.each([
    ['a/**', 'a'],
    ['*', 'a/b'],
    ['a**', 'a/b'],
    ['{**,x}', 'a/b'],
    ['a,b', 'a'],
    ['a.b', 'axb'],
    ['{a', 'a'],
    ['a}', 'a'],
    [`${'*0'.repeat(200)}x`, '0'.repeat(300)],
    ['{a,b}'.repeat(20), 'abababababababababab'],
  ])('%j is not for %s', (pattern, name) => {
    expect(isFor(pattern, name)).toBe(false);
  });

  it.each<[string, string, Cover]>([
    ['', 'a/b/', 'all'],
    ['**', 'a/b/', 'all'],
    ['a/**', 'a/b/', 'all'],
    ['a/b/**/*', 'a/b/', 'all'],
    ['**/b/**', 'a/b/', 'all'],
    ['{x,a}/{b,y}/**', 'a/b/', 'all'],
    ['{a/b,x}/**', 'a/b/', 'all'],
    ['a/b/*', 'a/b/', 'some'],
    ['a/b/*/**', 'a/b/', 'some'],
    ['a/b/c/**', 'a/b/', 'some'],
    ['**/c', 'a/b/', 'some'],
    ['[ab]/**', 'a/b/', 'some'],
    ['a/b', 'a/b/', 'none'],
    ['a/*', 'a/b/', 'none'],
    ['b/**', 'a/b/', 'none'],
    ['**/a/c/**', 'a/b/', 'some'],
    ['a-*', 'a-0-', 'all'],
    ['**/a-0-*', 'a-0-', 'all'],
    ['a-0-x*', 'a-0-', 'some'],
    ['*-x', 'a-0-', 'some'],
    ['b-*', 'a-0-', 'none'],
    ['a-0-*/**', 'a-0-', 'none'],
  ])('%j is, of what begins with its second part %s, for: %s', (pattern, beginning, cover) => {
    expect(coverOf(pattern, beginning)).toBe(cover);
  });

  it.each<[string, Cover]>([
    ['', 'all'],
    ['*', 'all'],
    ['**', 'all'],
    ['**/*', 'all'],
    ['{_*,*}', 'all'],
    ['_*', 'some'],
    ['{_*,v*}', 'some'],
    ['latest', 'some'],
    ['{_*', 'some'],
    ['a/b', 'none'],
  ])('%j is of tags for: %s', (pattern, cover) => {
    expect(coverOfTags(pattern)).toBe(cover);
  });
});
