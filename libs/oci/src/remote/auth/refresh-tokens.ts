import type { Credential } from './credentials.ts';

/**
 * A token service may answer a refresh token with a new one, and take the old one no more: OAuth 2.0, RFC 6749 §6. The new
 * one is used from then on, for as long as the source still gives the one that it replaced, and until it is refused.
 */
export class RefreshTokens {
  #replacement: { readonly given: string; readonly latest: string } | null = null;

  /** The credential to use in place of what the source gave. */
  latest(given: Credential | null): Credential | null {
    if (given === null || 'username' in given || this.#replacement?.given !== given.identityToken) {
      return given;
    }
    return { ...given, identityToken: this.#replacement.latest };
  }

  /** The service gave `latest`, or nothing new, for what the source gave. */
  replaced(given: Credential | null, latest: string | null): void {
    if (given !== null && !('username' in given) && latest !== null) {
      this.#replacement = { given: given.identityToken, latest };
    }
  }

  /** `sent` was refused: what the source gives next counts, unless the service replaced what was sent meanwhile. */
  refused(sent: Credential | null): void {
    if (sent !== null && !('username' in sent) && sent.identityToken === this.#replacement?.latest) {
      this.#replacement = null;
    }
  }
}
