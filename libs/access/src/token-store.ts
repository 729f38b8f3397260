import { ProxyError } from '@oci-package-proxy/errors';
import { z } from 'zod';

import type { Principal, TokenInfo, Tokens, TokenScope } from './access-port.ts';
import { verbOf } from './actions.ts';
import type { Grants } from './grants.ts';
import type { Passwords } from './passwords.ts';
import type { Rights } from './rights.ts';
import { FULL_SCOPE, Scope, type StoredToken } from './stored-token.ts';
import type { TokenRecords } from './token-records.ts';
import { newToken, parseToken, sameHash } from './token-text.ts';

/** What a {@link TokenStore} needs. */
export interface TokenStoreParts {
  readonly records: TokenRecords;
  readonly passwords: Passwords;
  readonly rights: Rights;
  readonly grants: Grants;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Whether accounts of the registry are let in, for which there are no tokens here. */
  readonly passesThrough: boolean;
}

interface Issued {
  readonly token: string;
  readonly info: TokenInfo;
}

const ID = /^[0-9a-f]{16}$/;
const MAX_DESCRIPTION = 256;
const NO_TOKENS = 'Accounts of the registry have no tokens here. Send their user name and password with every request, as Basic; where a client has room for a token only, both with a colon between them, in base64.';
const LOGIN_MS = 90 * 86_400_000;

/**
 * API tokens. Who signs in with a token that has all of its owner's rights is as good as the owner; one with fewer can see
 * revoke itself only. A login lasts 90 days.
 */
export class TokenStore implements Tokens {
  readonly #parts: TokenStoreParts;

  constructor(parts: TokenStoreParts) {
    this.#parts = parts;
  }

  async issue(owner: Principal, token: { readonly description: string; readonly scope: TokenScope; readonly expires: string | null }): Promise<Issued> {
    if (owner.kind === 'anonymous') {
      throw new ProxyError('unauthenticated', 'Sign in to make tokens.');
    }
    const scope = Scope.safeParse(token.scope);
    if (!scope.success) {
      throw new ProxyError('invalid', 'The scope of a token needs actions (read, publish, delete, admin), an ecosystem or *, and 1 to 64 package patterns with at most three * each.');
    }
    const expires = this.#expiry(token.expires);
    this.#checkGiving(owner, scope.data, expires);
    return this.#store({ name: owner.name, kind: this.#ownerKind(owner) }, { description: token.description.slice(0, MAX_DESCRIPTION), scope: scope.data, expires });
  }

  async list(owner: Principal): Promise<readonly TokenInfo[]> {
    if (owner.kind === 'anonymous') {
      throw new ProxyError('unauthenticated', 'Sign in to see your tokens.');
    }
    if (owner.kind === 'registry') {
      return [];
    }
    const tokens = (await this.#parts.records.all()).filter((token) => this.#isOwn(owner, token) && this.#reaches(owner, token));
    return tokens.map(({ info }) => info).sort((one, other) => (one.created < other.created ? -1 : 1));
  }

  async revoke(owner: Principal, tokenOrId: string): Promise<void> {
    if (owner.kind === 'anonymous') {
      throw new ProxyError('unauthenticated', 'Sign in to revoke a token.');
    }
    const shown = parseToken(tokenOrId);
    const id = shown?.id ?? (ID.test(tokenOrId) ? tokenOrId : null);
    const token = id === null ? null : await this.#parts.records.find(id);
    if (token === null || (shown !== null && !sameHash(shown.hash, token.hash))) {
      throw new ProxyError('not-found', 'There is no such token: it was never issued, or it is revoked already.');
    }
    // Whoever has the whole token may end it.
    if (shown === null && !this.#reaches(owner, token)) {
      throw new ProxyError('forbidden', `${owner.kind === 'token' ? 'This token' : owner.name} may not revoke that token.`);
    }
    await this.#parts.records.put(token.info.id, null, owner.name);
  }

  async login(name: string, password: string, context: { readonly clientAddress: string }): Promise<Issued> {
    if (!(await this.#parts.passwords.areRight({ name, password, clientAddress: context.clientAddress }))) {
      // Not told apart, so that nobody learns who is a user here.
      throw this.#parts.passesThrough
        ? new ProxyError('forbidden', `The user name or the password is wrong here. ${NO_TOKENS}`)
        : new ProxyError('unauthenticated', 'The user name or the password is wrong.');
    }
    const expires = new Date(this.#parts.clock() + LOGIN_MS).toISOString();
    return this.#store({ name: name.normalize('NFC'), kind: 'user' }, { description: 'login', scope: FULL_SCOPE, expires });
  }

  async signIn(owner: Principal, { description, expires }: { readonly description: string; readonly expires: string }): Promise<Issued> {
    if (owner.kind !== 'user' && owner.kind !== 'admin') {
      throw new ProxyError('forbidden', 'Only a user or the administrator can sign in.');
    }
    return this.#store({ name: owner.name, kind: owner.kind }, { description: description.slice(0, MAX_DESCRIPTION), scope: FULL_SCOPE, expires: this.#expiry(expires) });
  }

  async #store(owner: { readonly name: string; readonly kind: 'user' | 'admin' }, token: { readonly description: string; readonly scope: z.output<typeof Scope>; readonly expires: string | null }): Promise<Issued> {
    const { text, id, hash } = newToken();
    const created = new Date(this.#parts.clock()).toISOString();
    await this.#parts.records.put(id, { hash, owner: owner.name, ownerKind: owner.kind, created, ...token }, owner.name);
    return { token: text, info: { id, owner: owner.name, created, ...token } };
  }

  #expiry(expires: string | null): string | null {
    if (expires === null) {
      return null;
    }
    const at = Date.parse(expires);
    if (Number.isNaN(at) || at <= this.#parts.clock()) {
      throw new ProxyError('invalid', 'A token must expire in the future, at a time such as 2030-01-31T00:00:00Z.');
    }
    return new Date(at).toISOString();
  }

  #checkGiving(owner: Principal, scope: TokenScope, expires: string | null): void {
    if (owner.kind === 'registry') {
      throw new ProxyError('forbidden', NO_TOKENS);
    }
    const parent = this.#parts.grants.tokenOf(owner);
    if (owner.kind === 'token' && parent?.isFull !== true) {
      throw new ProxyError('forbidden', 'This token may not make tokens. Sign in with user name and password.');
    }
    const end = parent?.info.expires ?? null;
    if (end !== null && (expires === null || expires > end)) {
      throw new ProxyError('forbidden', `A token that was made with another one must not outlive it: choose an expiry up to ${end}.`);
    }
    if (!this.#parts.rights.mayGive(owner, scope)) {
      const actions = scope.actions.map(verbOf).join(', ');
      throw new ProxyError('forbidden', `${owner.name} may not ${actions} ${scope.ecosystem === '*' ? 'all' : scope.ecosystem} packages ${scope.packages.join(', ')}, and so cannot make a token that may.`);
    }
  }

  #ownerKind(owner: Principal): 'user' | 'admin' {
    return owner.kind === 'admin' ? 'admin' : (this.#parts.grants.tokenOf(owner)?.ownerKind ?? 'user');
  }

  #isOwn(owner: Principal, token: StoredToken): boolean {
    return token.info.owner === owner.name && token.ownerKind === this.#ownerKind(owner);
  }

  #reaches(owner: Principal, token: StoredToken): boolean {
    if (owner.kind === 'registry') {
      return false;
    }
    if (owner.kind === 'token' && this.#parts.grants.tokenOf(owner)?.isFull !== true) {
      return token.info.id === owner.tokenId;
    }
    return this.#ownerKind(owner) === 'admin' || this.#isOwn(owner, token);
  }
}
