/** What somebody wants to do. */
export type Action = 'read' | 'publish' | 'delete' | 'admin';

/** Who is asking. */
export interface Principal {
  /** `registry`: an account of the storage registry's, that nobody here knows; what it may is the registry's to say. */
  readonly kind: 'anonymous' | 'user' | 'token' | 'admin' | 'registry';
  /** User name; `anonymous`; `admin`. For a token, its owner's. */
  readonly name: string;
  /** Id of the API token that was shown, else null. */
  readonly tokenId: string | null;
}

/** Who may do what. */
export interface Access {
  /**
   * Who shows this Authorization header (Basic or Bearer; undefined: anonymous). Basic with the user name of nobody and a
   * token as password counts as the token. Where rights are passed through, user name and password (as Basic, or in base64 as a Bearer
   * token) of nobody here may be an account of the registry's.
   * @throws ProxyError `unauthenticated` for a credential that nobody here issued, `storage-unavailable` when tokens cannot be looked up,
   * `rate-limited` after many wrong passwords, `storage-unavailable` or `storage-denied` when the registry does not say whose credential it is.
   */
  authenticate(authorization: string | undefined, context: { readonly clientAddress: string }): Promise<Principal>;
  /**
   * @throws ProxyError `unauthenticated` when an anonymous caller may not, `forbidden` when a known one may not; the text names action and
   * package. `storage-unavailable`, `storage-denied` when the registry would have to say so, and does not.
   */
  authorize(principal: Principal, action: Action, subject: { readonly ecosystem: string; readonly package: string | null }): Promise<void>;
  /** Whether {@link authorize} would let it pass. @throws ProxyError `storage-unavailable`, `storage-denied`. */
  may(principal: Principal, action: Action, subject: { readonly ecosystem: string; readonly package: string | null }): Promise<boolean>;
  /** Whether everybody may read it, without having signed in. */
  isPublic(subject: { readonly ecosystem: string; readonly package: string | null }): boolean;
}

/** An API token as it may be shown. */
export interface TokenInfo {
  readonly id: string;
  readonly owner: string;
  readonly description: string;
  /** ISO 8601. */
  readonly created: string;
  /** ISO 8601, or null: never. */
  readonly expires: string | null;
  readonly scope: TokenScope;
}

/** What of its owner's rights a token has. */
export interface TokenScope {
  readonly actions: readonly Action[];
  /** `*`: all. */
  readonly ecosystem: string;
  /** Glob patterns. */
  readonly packages: readonly string[];
}

/** API tokens; only hashes are stored, in the ledger. */
export interface Tokens {
  /** @returns the token itself, shown this once. @throws ProxyError `forbidden` when `scope` exceeds what `owner` may. */
  issue(owner: Principal, token: { readonly description: string; readonly scope: TokenScope; readonly expires: string | null }): Promise<{ readonly token: string; readonly info: TokenInfo }>;
  /** Tokens of `owner`. */
  list(owner: Principal): Promise<readonly TokenInfo[]>;
  /** Revokes by the token itself or by its id. @throws ProxyError `not-found`; `forbidden` for another owner's. */
  revoke(owner: Principal, tokenOrId: string): Promise<void>;
  /** Checks a user's password and issues a login token with all that the user may. @throws ProxyError `unauthenticated`, `rate-limited`. */
  login(name: string, password: string, context: { readonly clientAddress: string }): Promise<{ readonly token: string; readonly info: TokenInfo }>;
  /**
   * Issues a token with all that `owner` may, now and later, to whoever has just shown that they are the owner.
   * @throws ProxyError `forbidden` for an owner that is no user and not the administrator; `invalid` for an expiry in the past.
   */
  signIn(owner: Principal, token: { readonly description: string; readonly expires: string }): Promise<{ readonly token: string; readonly info: TokenInfo }>;
}
