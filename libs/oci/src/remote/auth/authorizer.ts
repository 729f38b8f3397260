import { ProxyError } from '@oci-package-proxy/errors';

import { untilAborted } from '../http/abort.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { CredentialCache } from './credential-cache.ts';
import { basicAuthorization, type Credential, type CredentialSource } from './credentials.ts';
import { tokenRealm } from './realm.ts';
import { RefreshTokens } from './refresh-tokens.ts';
import { type Access, scopesBeyond, scopeText } from './scope.ts';
import { TokenCache } from './token-cache.ts';
import { requestToken, type TokenSender } from './token-request.ts';

const MAX_TOKENS = 2_000;
const TOKEN_TIMEOUT_MS = 30_000;

type Scheme = { readonly kind: 'none' } | { readonly kind: 'basic' } | { readonly kind: 'bearer'; readonly realm: URL; readonly service: string | undefined };

/** What an {@link Authorizer} is made of. */
export interface AuthorizerOptions {
  readonly registry: URL;
  readonly credentials: CredentialSource;
  readonly send: TokenSender;
  /** Milliseconds; default `Date.now`. */
  readonly clock?: () => number;
}

/** What got a 401. */
export interface RefusedRequest {
  readonly access: Access | null;
  /** The Authorization that it was sent with. */
  readonly used: string | null;
  /** Operation and subject. */
  readonly subject: string;
}

/**
 * Knows how one registry wants to be spoken to: nothing is sent until it asks with a 401, then every request carries
 * what it asked for. Tokens are asked for with the scope that the request needs, and shared until they expire.
 */
export class Authorizer {
  readonly #registry: URL;
  readonly #credentials: CredentialCache;
  readonly #tokens: TokenCache;
  readonly #send: TokenSender;
  readonly #refreshTokens = new RefreshTokens();
  /** Scopes that the registry named beyond ours, by our own scope: behind a path-rewriting proxy names differ. */
  readonly #further = new Map<string, readonly string[]>();
  #scheme: Scheme = { kind: 'none' };

  constructor(options: AuthorizerOptions) {
    const clock = options.clock ?? Date.now;
    this.#registry = options.registry;
    this.#credentials = new CredentialCache(options.credentials, options.registry.host, clock);
    this.#tokens = new TokenCache({ clock, capacity: MAX_TOKENS });
    this.#send = options.send;
  }

  /**
   * Value of the Authorization header for a request that needs `access`, or `null` while nothing was asked for.
   * @throws ProxyError `storage-denied`, `storage-unavailable`, `config`, `aborted`.
   */
  async authorization(access: Access | null, signal?: AbortSignal): Promise<string | null> {
    const scheme = this.#scheme;
    if (scheme.kind === 'none') {
      return null;
    }
    if (scheme.kind === 'basic') {
      return untilAborted(this.#basic(), signal, `getting the credential of ${this.#registry.host}`);
    }
    const scope = access === null ? '' : scopeText(access);
    const keys = cacheKeys(access, scheme);
    const token = this.#tokens.get(keys.own, keys.wider, () => this.#fetch(scheme, scope));
    return `Bearer ${await untilAborted(token, signal, `getting a token of ${this.#registry.host}`)}`;
  }

  /**
   * Takes in the challenges of a 401.
   * @returns whether the request is worth sending again, once.
   * @throws ProxyError `storage-denied` when the challenge leads where no credential may go.
   */
  async challenged(header: string | readonly string[] | undefined, request: RefusedRequest): Promise<boolean> {
    const { access, used, subject } = request;
    const challenges = parseChallenges(header);
    const bearer = challenges.find((challenge) => challenge.scheme === 'bearer');
    const basic = challenges.some((challenge) => challenge.scheme === 'basic');
    const realm = tokenRealm(bearer?.parameters.get('realm'), this.#registry);
    if (bearer !== undefined && realm !== null) {
      return this.#askedForToken(bearer, { realm, access, used });
    }
    if (basic) {
      return this.#askedForBasic(used);
    }
    if (bearer === undefined) {
      return false;
    }
    throw new ProxyError('storage-denied', `${subject}: ${this.#registry.host} names a token service that we do not send credentials to; it must be https, and no private address`);
  }

  /** Value of a Basic Authorization header, whatever the registry asks for; null without a user. @throws ProxyError `config`. */
  async userAuthorization(): Promise<string | null> {
    return this.#basic();
  }

  async #askedForToken(challenge: Challenge, refused: { realm: URL; access: Access | null; used: string | null }): Promise<boolean> {
    const scheme = { kind: 'bearer', realm: refused.realm, service: challenge.parameters.get('service') } as const;
    this.#scheme = scheme;
    const own = refused.access === null ? '' : scopeText(refused.access);
    const further = scopesBeyond(refused.access, challenge.parameters.get('scope'));
    if (further.length > 0 && this.#further.size < MAX_TOKENS) {
      this.#further.set(own, further.slice(0, 8));
    }
    if (refused.used?.startsWith('Bearer ') === true) {
      const token = refused.used.slice('Bearer '.length);
      const keys = cacheKeys(refused.access, scheme);
      await Promise.all([keys.own, ...keys.wider].map((key) => this.#tokens.refuse(key, token)));
    }
    return true;
  }

  async #askedForBasic(used: string | null): Promise<boolean> {
    if (used?.startsWith('Basic ') === true) {
      this.#credentials.forget();
    }
    this.#scheme = { kind: 'basic' };
    const fresh = await this.#basic();
    return fresh !== null && fresh !== used;
  }

  async #basic(): Promise<string | null> {
    const credential = await this.#credentials.get();
    return credential === null || !('username' in credential) ? null : basicAuthorization(credential.username, credential.password);
  }

  async #fetch(scheme: Scheme & { kind: 'bearer' }, scope: string): ReturnType<typeof requestToken> {
    const given = await this.#credentials.get();
    const credential = this.#refreshTokens.latest(given);
    const scopes = [...scope.split(' '), ...(this.#further.get(scope) ?? [])].filter((text) => text !== '');
    // Several requests wait for this token: it is not tied to the signal of the one that came first.
    const signal = AbortSignal.timeout(TOKEN_TIMEOUT_MS);
    try {
      const token = await requestToken({ realm: scheme.realm, service: scheme.service, scopes, credential, host: this.#registry.host, signal }, this.#send);
      this.#refreshTokens.replaced(given, token.refreshToken);
      return token;
    } catch (error) {
      throw this.#fetchFailure(error, { credential, signal });
    }
  }

  #fetchFailure(error: unknown, { credential, signal }: { readonly credential: Credential | null; readonly signal: AbortSignal }): unknown {
    if (error instanceof ProxyError && error.code === 'storage-denied') {
      this.#refreshTokens.refused(credential);
      // A credential helper may have a newer secret by now.
      this.#credentials.forget();
    }
    if (!signal.aborted) {
      return error;
    }
    return new ProxyError('storage-unavailable', `getting a token of ${this.#registry.host}: no answer within ${TOKEN_TIMEOUT_MS / 1000} s`, { cause: error });
  }
}

/** Under which key the token for `access` is kept, and under which a wider one may be: who may push may also pull. */
function cacheKeys(access: Access | null, scheme: Scheme & { kind: 'bearer' }): { own: string; wider: readonly string[] } {
  const key = (scope: string): string => JSON.stringify([scheme.realm.href, scheme.service ?? '', scope]);
  if (access === null) {
    return { own: key(''), wider: [] };
  }
  const reading = access.actions.length === 1 && access.actions[0] === 'pull';
  const wider = reading ? [key(scopeText({ repository: access.repository, actions: ['pull', 'push'] }))] : [];
  return { own: key(scopeText(access)), wider };
}
