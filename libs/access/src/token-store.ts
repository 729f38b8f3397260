import { ProxyError } from '@oci-package-proxy/errors';

import type { Access, Principal, TokenInfo, Tokens, TokenScope } from './access-port.ts';
import type { PasswordCheck } from './password-check.ts';
import { isSecretOf, newToken, parseToken, tokenInfo, type TokenRecord, type TokenRecords } from './token-records.ts';

const LOGIN_DAYS = 90;
const DAY_MS = 86_400_000;

/** What {@link TokenStore} needs. */
export interface TokenStoreOptions {
  readonly records: TokenRecords;
  readonly passwords: PasswordCheck;
  readonly access: Access;
  readonly clock: () => number;
}

/** Issues, lists and revokes API tokens. */
export class TokenStore implements Tokens {
  readonly #options: TokenStoreOptions;

  constructor(options: TokenStoreOptions) {
    this.#options = options;
  }

  async issue(
    owner: Principal,
    wanted: { readonly description: string; readonly scope: TokenScope; readonly expires: string | null },
  ): Promise<{ readonly token: string; readonly info: TokenInfo }> {
    if (owner.kind === 'anonymous') {
      throw new ProxyError('unauthenticated', 'Sign in to make a token.');
    }
    if (owner.kind === 'token') {
      throw new ProxyError('forbidden', 'A token cannot make tokens. Sign in with a password.');
    }
    if (wanted.expires !== null && !(Date.parse(wanted.expires) > this.#options.clock())) {
      throw new ProxyError('invalid', 'The end of the token must be a time in the future, in ISO 8601.');
    }
    for (const action of wanted.scope.actions) {
      this.#options.access.authorize(owner, action, { ecosystem: wanted.scope.ecosystem, package: null });
    }
    return this.#store(owner, wanted);
  }

  async list(owner: Principal): Promise<readonly TokenInfo[]> {
    const records = await this.#options.records.all();
    return [...records].filter(([, record]) => isOwner(owner, record)).map(([id, record]) => tokenInfo(id, record));
  }

  async revoke(owner: Principal, tokenOrId: string): Promise<void> {
    const parsed = parseToken(tokenOrId);
    const id = parsed?.id ?? tokenOrId;
    const record = await this.#options.records.find(id);
    if (record === null || (parsed !== null && !isSecretOf(record, parsed.secret))) {
      throw new ProxyError('not-found', 'There is no such token; it may have been revoked already.');
    }
    // Whoever has the whole token may end it.
    if (parsed === null && owner.kind !== 'admin' && !isOwner(owner, record)) {
      throw new ProxyError('forbidden', 'The token belongs to somebody else.');
    }
    await this.#options.records.remove(id, owner.name);
  }

  async login(name: string, password: string, context: { readonly clientAddress: string }): Promise<{ readonly token: string; readonly info: TokenInfo }> {
    if (!(await this.#options.passwords.verify(name, password, context.clientAddress))) {
      throw new ProxyError('unauthenticated', 'The user name or the password is wrong.');
    }
    return this.#store(
      { kind: 'user', name, tokenId: null },
      {
        description: 'login',
        scope: { actions: ['read', 'publish', 'delete', 'admin'], ecosystem: '*', packages: ['**'] },
        expires: new Date(this.#options.clock() + LOGIN_DAYS * DAY_MS).toISOString(),
      },
    );
  }

  async #store(
    owner: Principal,
    wanted: { readonly description: string; readonly scope: TokenScope; readonly expires: string | null },
  ): Promise<{ readonly token: string; readonly info: TokenInfo }> {
    const { token, id, hash } = newToken();
    const record: TokenRecord = {
      hash,
      owner: owner.name,
      ownerKind: owner.kind === 'admin' ? 'admin' : 'user',
      description: wanted.description.slice(0, 256),
      created: new Date(this.#options.clock()).toISOString(),
      expires: wanted.expires,
      scope: { actions: [...wanted.scope.actions], ecosystem: wanted.scope.ecosystem, packages: [...wanted.scope.packages] },
    };
    await this.#options.records.put(id, record, owner.name);
    return { token, info: tokenInfo(id, record) };
  }
}

function isOwner(principal: Principal, record: TokenRecord): boolean {
  return principal.kind === 'admin' ? record.ownerKind === 'admin' : principal.name === record.owner && record.ownerKind === 'user';
}
