import { ProxyError } from '@oci-package-proxy/errors';

import type { AdminToken } from './admin-token.ts';
import type { StoredToken } from './stored-token.ts';
import type { TokenRecords } from './token-records.ts';
import { parseToken, sameHash } from './token-text.ts';
import type { Users } from './users-file.ts';

/** Decides whether a token that somebody shows is good. */
export class TokenCheck {
  readonly #records: TokenRecords;
  readonly #users: Users;
  readonly #admin: AdminToken;
  readonly #clock: () => number;

  constructor(parts: { readonly records: TokenRecords; readonly users: Users; readonly admin: AdminToken; readonly clock: () => number }) {
    this.#records = parts.records;
    this.#users = parts.users;
    this.#admin = parts.admin;
    this.#clock = parts.clock;
  }

  /** @throws ProxyError `unauthenticated` when nobody here issued it, it was revoked or has expired, or its owner is gone; `storage-unavailable`. */
  async check(text: string): Promise<StoredToken> {
    const shown = parseToken(text);
    const token = shown === null ? null : await this.#records.find(shown.id);
    if (shown === null || token === null || !sameHash(shown.hash, token.hash)) {
      throw new ProxyError('unauthenticated', 'The token is not valid: nobody here issued it, or it was revoked. Sign in again.');
    }
    const { expires, owner } = token.info;
    if (expires !== null && Date.parse(expires) <= this.#clock()) {
      throw new ProxyError('unauthenticated', `The token expired at ${expires}. Make a new one.`);
    }
    const ownerIsHere = token.ownerKind === 'admin' ? this.#admin.exists : (await this.#users.hashOf(owner)) !== null;
    if (!ownerIsHere) {
      throw new ProxyError('unauthenticated', 'The token is not valid any more: its owner is gone.');
    }
    return token;
  }
}
