import { describe, expect, it } from 'vitest';

import type { Action, Principal, TokenScope } from './access-port.ts';
import { type AccessRules, DEFAULT_RULES } from './access-rules.ts';
import { Grants } from './grants.ts';
import { Rights } from './rights.ts';
import { FULL_SCOPE, storedToken } from './stored-token.ts';

const ID = '0123456789abcdef';
const anonymous: Principal = { kind: 'anonymous', name: 'anonymous', tokenId: null };
const admin: Principal = { kind: 'admin', name: 'admin', tokenId: null };
const user = (name: string): Principal => ({ kind: 'user', name, tokenId: null });

interface Setup {
  readonly rules?: AccessRules;
  readonly anonymousRead?: boolean;
}

function setUp({ rules = DEFAULT_RULES, anonymousRead = true }: Setup): { rights: Rights; token(owner: string, scope?: TokenScope, ownerKind?: 'user' | 'admin'): Principal } {
  const grants = new Grants();
  const token = (owner: string, scope: TokenScope = FULL_SCOPE, ownerKind: 'user' | 'admin' = 'user'): Principal => {
    const value = { hash: '0'.repeat(64), owner, ownerKind, description: '', created: '2026-01-01T00:00:00.000Z', expires: null, scope: { ...scope, actions: [...scope.actions], packages: [...scope.packages] } };
    const stored = storedToken(ID, { value });
    if (stored === null) {
      throw new TypeError('the token of the spec is none');
    }
    return grants.principalOf(stored);
  };
  return { rights: new Rights(rules, anonymousRead, grants), token };
}

function actionsOf(rights: Rights, principal: Principal, name: string | null = 'lib', ecosystem = 'alpha'): Action[] {
  return (['read', 'publish', 'delete', 'admin'] as const).filter((action) => rights.may(principal, action, { ecosystem, package: name }));
}

describe('Rights without rules', () => {
  it.each([
    ['anonymous, where everybody may read', anonymous, true, ['read']],
    ['anonymous, where not', anonymous, false, []],
    ['a user', user('alice'), false, ['read', 'publish', 'delete']],
    ['the admin token', admin, false, ['read', 'publish', 'delete', 'admin']],
  ])('%s', (_who, principal, anonymousRead, expected) => {
    const { rights } = setUp({ anonymousRead });

    expect(actionsOf(rights, principal)).toEqual(expected);
    expect(actionsOf(rights, principal, null)).toEqual(expected);
  });
});

describe('Rights with rules', () => {
  const rules: AccessRules = [
    { who: ['*'], may: ['read'], ecosystem: 'alpha', packages: ['*'] },
    { who: ['authenticated'], may: ['read'], ecosystem: '*', packages: ['**'] },
    { who: ['ci'], may: ['publish'], ecosystem: 'alpha', packages: ['@acme/*'] },
    { who: ['boss'], may: ['admin'], ecosystem: '*', packages: ['**'] },
    { who: [`token:${ID}`], may: ['delete'], ecosystem: 'beta', packages: ['trash-*'] },
  ];

  it.each<[string, Principal, string | null, string, Action[]]>([
    ['anonymous', anonymous, 'lib', 'alpha', ['read']],
    ['anonymous, scoped', anonymous, '@acme/lib', 'alpha', []],
    ['anonymous, other ecosystem', anonymous, 'lib', 'beta', []],
    ['anonymous, no certain package', anonymous, null, 'alpha', ['read']],
    ['a user', user('bob'), '@acme/lib', 'alpha', ['read']],
    ['one named by a rule', user('ci'), '@acme/lib', 'alpha', ['read', 'publish']],
    ['one named by a rule, other package', user('ci'), 'lib', 'alpha', ['read']],
    ['one named by a rule, other ecosystem', user('ci'), '@acme/lib', 'beta', ['read']],
    ['one named by a rule, every package', user('ci'), null, 'alpha', ['read']],
    ['a user with an admin\'s rights', user('boss'), '@acme/lib', 'alpha', ['read', 'publish', 'delete', 'admin']],
    ['a user with an admin\'s rights, every package', user('boss'), null, 'beta', ['read', 'publish', 'delete', 'admin']],
    ['nobody by the name of a keyword', user('*'), 'lib', 'alpha', ['read']],
  ])('%s', (_who, principal, name, ecosystem, expected) => {
    const { rights } = setUp({ rules });

    expect(actionsOf(rights, principal, name, ecosystem)).toEqual(expected);
  });

  it('lets nobody do anything without one that says so', () => {
    const { rights } = setUp({ rules: [] });

    expect([anonymous, user('alice'), admin].map((principal) => actionsOf(rights, principal).length)).toEqual([0, 0, 4]);
  });

  it('never lets anonymous callers write, whatever a rule says', () => {
    const { rights } = setUp({ rules: [{ who: ['*'], may: ['admin'], ecosystem: '*', packages: ['**'] }] });

    expect(actionsOf(rights, anonymous)).toEqual(['read']);
  });
});

describe('Rights of tokens', () => {
  const rules: AccessRules = [
    { who: ['ci'], may: ['read', 'publish'], ecosystem: 'alpha', packages: ['@acme/*'] },
    { who: [`token:${ID}`], may: ['delete'], ecosystem: 'alpha', packages: ['@acme/trash'] },
  ];

  it.each<[string, TokenScope, string, Action[]]>([
    ['all of its owner\'s rights', FULL_SCOPE, '@acme/lib', ['read', 'publish']],
    ['nothing that its owner may not', FULL_SCOPE, 'lib', []],
    ['fewer actions', { ...FULL_SCOPE, actions: ['read'] }, '@acme/lib', ['read']],
    ['fewer packages', { ...FULL_SCOPE, packages: ['@acme/a*'] }, '@acme/lib', []],
    ['another ecosystem', { ...FULL_SCOPE, ecosystem: 'beta' }, '@acme/lib', []],
    ['what a rule gives to it alone', FULL_SCOPE, '@acme/trash', ['read', 'publish', 'delete']],
    ['of that, what is in its scope', { ...FULL_SCOPE, actions: ['read'] }, '@acme/trash', ['read']],
  ])('%s', (_what, scope, name, expected) => {
    const { rights, token } = setUp({ rules });

    expect(actionsOf(rights, token('ci', scope), name)).toEqual(expected);
  });

  it('are none for a principal that authenticate did not make', () => {
    const { rights, token } = setUp({});

    expect(actionsOf(rights, { ...token('alice') })).toEqual([]);
    expect(actionsOf(rights, token('alice'))).toEqual(['read', 'publish', 'delete']);
  });

  it('of the admin are bounded by their scope only', () => {
    const { rights, token } = setUp({ rules: [] });

    expect(actionsOf(rights, token('admin', { ...FULL_SCOPE, actions: ['publish'] }, 'admin'))).toEqual(['publish']);
    expect(actionsOf(rights, token('admin', FULL_SCOPE, 'user'))).toEqual([]);
  });
});

describe('mayGive', () => {
  const rules: AccessRules = [
    { who: ['ci'], may: ['read', 'publish'], ecosystem: 'alpha', packages: ['@acme/*', 'acme-*'] },
    { who: ['authenticated'], may: ['read'], ecosystem: '*', packages: ['**'] },
  ];

  it.each<[string, TokenScope, boolean]>([
    ['the same', { actions: ['read', 'publish'], ecosystem: 'alpha', packages: ['@acme/*', 'acme-*'] }, true],
    ['less', { actions: ['publish'], ecosystem: 'alpha', packages: ['@acme/tool', 'acme-x-*'] }, true],
    ['what everybody may', { actions: ['read'], ecosystem: '*', packages: ['**'] }, true],
    ['more actions', { actions: ['read', 'delete'], ecosystem: 'alpha', packages: ['@acme/*'] }, false],
    ['more packages', { actions: ['publish'], ecosystem: 'alpha', packages: ['**'] }, false],
    ['one package more', { actions: ['publish'], ecosystem: 'alpha', packages: ['@acme/*', 'left-pad'] }, false],
    ['more ecosystems', { actions: ['publish'], ecosystem: '*', packages: ['@acme/*'] }, false],
    ['everything', FULL_SCOPE, false],
  ])('%s: %s', (_what, scope, expected) => {
    const { rights } = setUp({ rules });

    expect(rights.mayGive(user('ci'), scope)).toBe(expected);
  });

  it('depends on who gives', () => {
    const { rights, token } = setUp({ rules });
    const scope: TokenScope = { actions: ['publish'], ecosystem: 'alpha', packages: ['@acme/tool'] };

    const givers = [anonymous, admin, user('bob'), token('ci'), token('ci', scope), token('admin', FULL_SCOPE, 'admin')];

    expect(givers.map((giver) => rights.mayGive(giver, scope))).toEqual([false, true, false, true, false, true]);
  });
});
