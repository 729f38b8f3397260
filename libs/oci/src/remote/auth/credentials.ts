/** A credential for a registry: a user, or an identity token (OAuth2 refresh token) as `docker login` keeps it. */
export type Credential = ({ readonly username: string; readonly password: string } | { readonly identityToken: string }) & {
  /** When the source has another, in milliseconds since the epoch: it is not kept longer. */
  readonly askAgainAt?: number;
};

/** Where credentials come from. */
export interface CredentialSource {
  /**
   * The credential for `host` (`host[:port]`), or `null` for anonymous access.
   * @throws ProxyError `config` when what is configured cannot be read.
   */
  credentialFor(host: string): Promise<Credential | null>;
  /** The registry refused what was given last: a source that keeps it should look for another. */
  refused?(): void;
}

/** One user for whatever host is asked. */
export function staticCredentials(username: string, password: string): CredentialSource {
  return { credentialFor: () => Promise.resolve({ username, password }) };
}

/** No credential for anybody. */
export const ANONYMOUS: CredentialSource = { credentialFor: () => Promise.resolve(null) };

/** Value of a Basic Authorization header: RFC 7617. */
export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
