/** A credential for a registry: a user, or an identity token (OAuth2 refresh token) as `docker login` keeps it. */
export type Credential = { readonly username: string; readonly password: string } | { readonly identityToken: string };

/** Where credentials come from. */
export interface CredentialSource {
  /**
   * The credential for `host` (`host[:port]`), or `null` for anonymous access.
   * @throws ProxyError `config` when what is configured cannot be read.
   */
  credentialFor(host: string): Promise<Credential | null>;
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
