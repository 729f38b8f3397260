import { describe, expect, it } from 'vitest';

import { RouteTable } from '@oci-package-proxy/platform';

import { wantsFresh } from './client-wishes.ts';
import { pathParts, queryOf, slashesAtEnd } from './request-path.ts';

describe('a path', () => {
  it.each([
    ['/pypi/simple/numpy/', '/pypi', ['simple', 'numpy']],
    ['/pypi', '/pypi', []],
    ['/simple//a%2Bb+c/?format=x/y', '', ['simple', 'a+b+c']],
    ['/pypi/files/x/a%201!b.whl#/y', '/pypi', ['files', 'x', 'a 1!b.whl']],
    ['/pypi/a%2fb', '/pypi', ['a/b']],
  ])('%s below %j is %j', (url, base, parts) => {
    expect(pathParts(url, base)).toEqual(parts);
  });

  it('has escapes that are some', () => {
    expect(() => pathParts('/simple/%zz', '')).toThrow(/percent/);
  });

  it.each([
    ['/simple', 0, ''],
    ['/simple/?a=/b/', 1, '?a=/b/'],
    ['/simple//', 2, ''],
    ['/simple/#x?y', 1, ''],
  ])('%s ends with %i slashes and the query %j', (url, slashes, query) => {
    expect([slashesAtEnd(url), queryOf(url)]).toEqual([slashes, query]);
  });
});

describe('routes', () => {
  const patterns = ['', 'simple', 'simple/:name', 'pypi/:name/json', ':name/json', ':name/:version/json', 'files/:name/:file'];
  const table = new RouteTable(patterns.map((pattern) => ({ methods: ['GET'], pattern, handler: async () => Promise.resolve() })));

  it.each([
    ['', '', {}],
    ['simple', 'simple', {}],
    ['simple/json', 'simple/:name', { name: 'json' }],
    ['pypi/json', ':name/json', { name: 'pypi' }],
    ['pypi/pypi/json', 'pypi/:name/json', { name: 'pypi' }],
    ['x/1.0/json', ':name/:version/json', { name: 'x', version: '1.0' }],
    ['files/x/x.whl', 'files/:name/:file', { name: 'x', file: 'x.whl' }],
  ])('%j goes to %j', (path, pattern, params) => {
    const found = table.find('GET', path === '' ? [] : path.split('/'));

    expect([found?.route.pattern, found?.params]).toEqual([pattern, params]);
  });

  it.each([
    ['POST', 'simple'],
    ['GET', 'simple/a/b'],
    ['GET', 'other'],
  ])('%s %s goes nowhere', (method, path) => {
    expect(table.find(method, path.split('/'))).toBeNull();
  });
});

describe('a wish to pass over what is cached', () => {
  it.each([
    [undefined, undefined, false],
    ['no-cache', undefined, true],
    ['max-stale, No-Cache', 'uv/0.12', true],
    ['max-age=0', 'pip/26.2.1 {"python":"3.14"}', true],
    ['max-age=0', 'pip/27.0', true],
    ['max-age=0', 'pip/26.1', false],
    ['max-age=0', 'pip/9.0.3', false],
    ['max-age=0', 'unearth/0.17', false],
    ['max-age=0', undefined, false],
    ['max-age=600', 'pip/26.2', false],
  ])('Cache-Control %s of %s: %s', (control, agent, wish) => {
    expect(wantsFresh({ 'cache-control': control, 'user-agent': agent })).toBe(wish);
  });
});
