import { expect, it } from 'vitest';

import { routeTable } from './route-table.ts';

const patterns = ['', '-/ping', '-/package/:pkg/dist-tags', ':pkg/-/*file/-rev/:rev', ':pkg/-/*file', ':pkg/-rev/:rev', ':pkg', ':pkg/:version'];
const table = routeTable(patterns.map((pattern) => ({ methods: ['GET'], pattern, handler: async () => Promise.resolve() })));

it.each([
  ['', '', {}],
  ['-/ping', '-/ping', {}],
  ['-', ':pkg', { pkg: '-' }],
  ['-/0.0.1', ':pkg/:version', { pkg: '-', version: '0.0.1' }],
  ['-/-/--0.0.1.tgz', ':pkg/-/*file', { pkg: '-', file: '--0.0.1.tgz' }],
  ['-/package/@s/n/dist-tags', '-/package/:pkg/dist-tags', { pkg: '@s/n' }],
  ['@s/n', ':pkg', { pkg: '@s/n' }],
  ['@s/n/1.0.0', ':pkg/:version', { pkg: '@s/n', version: '1.0.0' }],
  ['@s/n/-/@s/n-1.tgz', ':pkg/-/*file', { pkg: '@s/n', file: '@s/n-1.tgz' }],
  ['n/-/n-1.tgz/-rev/5', ':pkg/-/*file/-rev/:rev', { pkg: 'n', file: 'n-1.tgz', rev: '5' }],
  ['n/-rev/5', ':pkg/-rev/:rev', { pkg: 'n', rev: '5' }],
])('%j goes to %j', (path, pattern, params) => {
  const found = table.find('GET', path === '' ? [] : path.split('/'));

  expect(found?.route.pattern).toBe(pattern);
  expect(found?.params).toEqual(params);
});

it.each([
  ['POST', 'n'],
  ['GET', '@s'],
  ['GET', 'a/b/c'],
])('%s %s goes nowhere', (method, path) => {
  expect(table.find(method, path.split('/'))).toBeNull();
});
