import type { Principal } from './access-port.ts';
import type { StoredToken } from './stored-token.ts';

/** Which token stands behind a principal that was made here. A copy of it has none, and so no rights. */
export class Grants {
  readonly #tokens = new WeakMap<Principal, StoredToken>();

  /** The principal of whoever shows `token`. */
  principalOf(token: StoredToken): Principal {
    const principal: Principal = { kind: 'token', name: token.info.owner, tokenId: token.info.id };
    this.#tokens.set(principal, token);
    return principal;
  }

  /** The token that was shown, or null. */
  tokenOf(principal: Principal): StoredToken | null {
    return this.#tokens.get(principal) ?? null;
  }
}
