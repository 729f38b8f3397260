import { ProxyError } from '@oci-package-proxy/errors';

import type { Access, Action, Principal } from './access-port.ts';
import { verbOf } from './actions.ts';
import type { AdminToken } from './admin-token.ts';
import { parseAuthorization, userAndPassword } from './authorization-header.ts';
import type { Grants } from './grants.ts';
import type { Credentials, Passwords } from './passwords.ts';
import type { RegistryAccounts } from './registry-accounts.ts';
import { ANONYMOUS, type Rights, type Subject } from './rights.ts';
import type { TokenCheck } from './token-check.ts';
import { parseToken } from './token-text.ts';

/** What an {@link AccessService} asks. */
export interface AccessParts {
  readonly admin: AdminToken;
  readonly passwords: Passwords;
  readonly tokens: TokenCheck;
  readonly grants: Grants;
  readonly rights: Rights;
  /** Null: only who is known here is let in. */
  readonly registryAccounts: RegistryAccounts | null;
}

/** The user name by which clients say that the password is a token. */
const TOKEN_USER = '__token__';
/** What somebody typed, and no token of others that happens to be base64: that one is shown to nobody. */
const READABLE = /^[^\p{Cc}\uFFFD]+$/u;
const ADMIN: Principal = { kind: 'admin', name: 'admin', tokenId: null };

/** Who is asking, and may they. */
export class AccessService implements Access {
  readonly #parts: AccessParts;

  constructor(parts: AccessParts) {
    this.#parts = parts;
  }

  async authenticate(authorization: string | undefined, context: { readonly clientAddress: string }): Promise<Principal> {
    if (authorization === undefined || authorization.trim() === '') {
      return ANONYMOUS;
    }
    const shown = parseAuthorization(authorization);
    if (shown.kind === 'bearer') {
      return this.#byToken(shown.token, context.clientAddress);
    }
    return this.#byPassword({ name: shown.name, password: shown.password, clientAddress: context.clientAddress });
  }

  async authorize(principal: Principal, action: Action, subject: Subject): Promise<void> {
    if (await this.may(principal, action, subject)) {
      return;
    }
    const what = `${verbOf(action)} ${subject.ecosystem} ${subject.package === null ? 'packages' : `package ${subject.package}`}`;
    if (principal.kind === 'anonymous') {
      throw new ProxyError('unauthenticated', `Sign in to ${what}.`);
    }
    const who = principal.kind === 'token' ? `This token of ${principal.name}` : principal.name;
    const why = principal.kind === 'registry' ? `: the registry that keeps the packages does not let this account ${action === 'read' ? 'pull' : 'push'} there` : '';
    throw new ProxyError('forbidden', `${who} may not ${what}${why}.`);
  }

  async may(principal: Principal, action: Action, subject: Subject): Promise<boolean> {
    if (this.#parts.rights.may(principal, action, subject)) {
      return true;
    }
    return principal.kind === 'registry' && this.#parts.registryAccounts !== null && this.#parts.registryAccounts.may(principal, action, subject);
  }

  isPublic(subject: Subject): boolean {
    return this.#parts.rights.may(ANONYMOUS, 'read', subject);
  }

  async #byToken(text: string, clientAddress: string): Promise<Principal> {
    if (this.#parts.admin.is(text)) {
      return ADMIN;
    }
    // Clients that know Bearer only put user and password where the token goes.
    const pair = this.#parts.registryAccounts === null || parseToken(text) !== null ? null : userAndPassword(text);
    if (pair !== null && READABLE.test(pair.name) && READABLE.test(pair.password)) {
      return this.#byPassword({ ...pair, clientAddress });
    }
    return this.#parts.grants.principalOf(await this.#parts.tokens.check(text));
  }

  async #byPassword(credentials: Credentials): Promise<Principal> {
    const { name, password } = credentials;
    if (this.#parts.admin.is(password)) {
      return ADMIN;
    }
    // Clients that know Basic only put a token where the password goes, with any name. Who says that it is one has no password to guess.
    if (parseToken(password) !== null || name === TOKEN_USER) {
      return this.#parts.grants.principalOf(await this.#parts.tokens.check(password));
    }
    const { registryAccounts } = this.#parts;
    // What a user here shows is nothing for others to see, be it right or wrong.
    const account = registryAccounts === null || (await this.#parts.passwords.isUser(name)) ? null : registryAccounts;
    const principal = account === null ? await this.#userOf(credentials) : await account.signIn(credentials);
    if (principal === null) {
      throw new ProxyError('unauthenticated', 'The user name or the password is wrong.');
    }
    return principal;
  }

  async #userOf(credentials: Credentials): Promise<Principal | null> {
    return (await this.#parts.passwords.areRight(credentials)) ? { kind: 'user', name: credentials.name.normalize('NFC'), tokenId: null } : null;
  }
}
