import { ProxyError } from '@oci-package-proxy/errors';

import type { Access, Action, Principal } from './access-port.ts';
import { verbOf } from './actions.ts';
import type { AdminToken } from './admin-token.ts';
import { parseAuthorization } from './authorization-header.ts';
import type { Grants } from './grants.ts';
import type { Credentials, Passwords } from './passwords.ts';
import type { Rights, Subject } from './rights.ts';
import type { TokenCheck } from './token-check.ts';
import { parseToken } from './token-text.ts';

/** What an {@link AccessService} asks. */
export interface AccessParts {
  readonly admin: AdminToken;
  readonly passwords: Passwords;
  readonly tokens: TokenCheck;
  readonly grants: Grants;
  readonly rights: Rights;
}

/** The user name by which clients say that the password is a token. */
const TOKEN_USER = '__token__';
const ANONYMOUS: Principal = { kind: 'anonymous', name: 'anonymous', tokenId: null };
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
      return this.#byToken(shown.token);
    }
    return this.#byPassword({ name: shown.name, password: shown.password, clientAddress: context.clientAddress });
  }

  authorize(principal: Principal, action: Action, subject: Subject): void {
    if (this.may(principal, action, subject)) {
      return;
    }
    const what = `${verbOf(action)} ${subject.ecosystem} ${subject.package === null ? 'packages' : `package ${subject.package}`}`;
    if (principal.kind === 'anonymous') {
      throw new ProxyError('unauthenticated', `Sign in to ${what}.`);
    }
    const who = principal.kind === 'token' ? `This token of ${principal.name}` : principal.name;
    throw new ProxyError('forbidden', `${who} may not ${what}.`);
  }

  may(principal: Principal, action: Action, subject: Subject): boolean {
    return this.#parts.rights.may(principal, action, subject);
  }

  async #byToken(text: string): Promise<Principal> {
    return this.#parts.admin.is(text) ? ADMIN : this.#parts.grants.principalOf(await this.#parts.tokens.check(text));
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
    if (!(await this.#parts.passwords.areRight(credentials))) {
      throw new ProxyError('unauthenticated', 'The user name or the password is wrong.');
    }
    return { kind: 'user', name: name.normalize('NFC'), tokenId: null };
  }
}
