import { expect, it } from 'vitest';

import { tokenBody } from './login-body.ts';
import { tokenWishes } from './token-wishes.ts';

const NOW = Date.UTC(2026, 0, 1);
const ALL = ['read', 'publish', 'delete'];

it.each([
  [{}, { description: '', scope: { actions: ALL, ecosystem: 'npm', packages: ['**'] }, expires: null }],
  [{ readonly: true, description: 'ci' }, { description: 'ci', scope: { actions: ['read'], ecosystem: 'npm', packages: ['**'] }, expires: null }],
  [{ name: 'n', expires: 7, packages: ['a'], scopes: ['@s', 't'] }, { description: 'n', scope: { actions: ALL, ecosystem: 'npm', packages: ['a', '@s/*', '@t/*'] }, expires: '2026-01-08T00:00:00.000Z' }],
  [{ packages_and_scopes_permission: 'read-only', packages_all: true, packages: ['a'], cidr_whitelist: [] }, { description: '', scope: { actions: ['read'], ecosystem: 'npm', packages: ['**'] }, expires: null }],
])('%j', (body, wishes) => {
  expect(tokenWishes(tokenBody(body), NOW)).toEqual(wishes);
});

it.each([{ cidr_whitelist: ['10.0.0.0/8'] }, { packages_and_scopes_permission: 'no-access' }, { expires: 'soon' }, { expires: 1e12 }])('refuses what it could not keep: %j', (body) => {
  expect(() => tokenWishes(tokenBody(body), NOW)).toThrow(/Tokens|expiry/);
});
