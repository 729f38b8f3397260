import { ProxyError } from '@oci-package-proxy/errors';

import type { Answer, RegistryRequest } from '../http/exchange.ts';
import { RETRYABLE_STATUS, statusFailure } from '../http/failures.ts';
import { basicAuthorization, type Credential } from './credentials.ts';

const CLIENT_ID = 'oci-package-proxy';
const DEFAULT_LIFETIME_S = 60;
const TOKEN = /^[\x21-\x7e]{1,65536}$/;

/** A token as the service gave it. */
export interface IssuedToken {
  readonly token: string;
  readonly lifetimeMs: number;
  /** A refresh token that takes the place of the one that was sent; `null`: that one stays. */
  readonly refreshToken: string | null;
}

/** What a token is asked for. */
export interface TokenRequest {
  readonly realm: URL;
  readonly service: string | undefined;
  /** The needed one first: some services read only that. */
  readonly scopes: readonly string[];
  readonly credential: Credential | null;
  /** Host of the registry, for error texts. */
  readonly host: string;
  readonly signal: AbortSignal;
}

/** Sends one request as it is. Redirects are not followed: the request may carry a credential. */
export type TokenSender = (request: RegistryRequest) => Promise<Answer>;

/**
 * Gets a Bearer token: https://distribution.github.io/distribution/spec/auth/token/, for an identity token the POST
 * of .../auth/oauth/; the other of the two where a service does not know the one.
 * @throws ProxyError `storage-denied` when the service refuses, `storage-unavailable` when it fails.
 */
export async function requestToken(request: TokenRequest, send: TokenSender): Promise<IssuedToken> {
  const { credential } = request;
  const get = (user: User | null): Promise<Answer> => send(getRequest(request, user));
  if (credential === null) {
    return issued(await get(null), request);
  }
  const [first, second] =
    'username' in credential
      ? [() => get(credential), () => send(postRequest(request, { grant_type: 'password', username: credential.username, password: credential.password }))]
      : [
          () => send(postRequest(request, { grant_type: 'refresh_token', refresh_token: credential.identityToken })),
          () => get({ username: '<token>', password: credential.identityToken }),
        ];
  const answer = await first();
  return issued(answer.status === 404 || answer.status === 405 ? await second() : answer, request);
}

interface User {
  readonly username: string;
  readonly password: string;
}

function getRequest(request: TokenRequest, credential: User | null): RegistryRequest {
  const url = new URL(request.realm);
  for (const [name, value] of questions(request)) {
    url.searchParams.append(name, value);
  }
  const headers: Record<string, string> = { accept: 'application/json' };
  if (credential !== null) {
    headers['authorization'] = basicAuthorization(credential.username, credential.password);
    url.searchParams.append('account', credential.username);
  }
  return { method: 'GET', url, headers, subject: subjectOf(request), access: null, lane: 'token', signal: request.signal };
}

function postRequest(request: TokenRequest, grant: Readonly<Record<string, string>>): RegistryRequest {
  const form = new URLSearchParams({ ...grant, service: request.service ?? request.host });
  form.set('client_id', CLIENT_ID);
  form.set('scope', request.scopes.join(' '));
  return {
    method: 'POST',
    url: request.realm,
    headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
    body: Buffer.from(form.toString()),
    subject: subjectOf(request),
    access: null,
    lane: 'token',
    signal: request.signal,
  };
}

function questions(request: TokenRequest): readonly (readonly [string, string])[] {
  const service = request.service === undefined ? [] : [['service', request.service] as const];
  return [...service, ...request.scopes.map((scope) => ['scope', scope] as const), ['client_id', CLIENT_ID]];
}

function issued(answer: Answer, request: TokenRequest): IssuedToken {
  if (answer.status !== 200) {
    throw refusal(answer, request);
  }
  const body = parsed(answer);
  const token = typeof body['token'] === 'string' && body['token'] !== '' ? body['token'] : body['access_token'];
  if (typeof token !== 'string' || !TOKEN.test(token)) {
    throw new ProxyError('storage-unavailable', `${subjectOf(request)}: the token service ${request.realm.host} sent no token`);
  }
  const seconds = body['expires_in'];
  const lifetime = typeof seconds === 'number' && Number.isFinite(seconds) && seconds > 0 ? seconds : DEFAULT_LIFETIME_S;
  const refresh = body['refresh_token'];
  return { token, lifetimeMs: lifetime * 1000, refreshToken: typeof refresh === 'string' && TOKEN.test(refresh) ? refresh : null };
}

function parsed(answer: Answer): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(answer.bytes.toString());
    return typeof body === 'object' && body !== null ? { ...body } : {};
  } catch {
    return {};
  }
}

function refusal(answer: Answer, request: TokenRequest): ProxyError {
  if (answer.status >= 500 || RETRYABLE_STATUS.has(answer.status)) {
    return statusFailure({ ...answer, foreign: true }, subjectOf(request));
  }
  if (answer.status >= 300 && answer.status < 400) {
    return new ProxyError('storage-denied', `${subjectOf(request)}: the token service ${request.realm.host} redirects (${answer.status}), where no credential is sent; correct its address in the registry's configuration`);
  }
  const who = request.credential === null ? 'anonymous access' : 'the storage credential';
  return new ProxyError('storage-denied', `${subjectOf(request)}: the token service ${request.realm.host} refuses ${who} (${answer.status})`);
}

function subjectOf(request: TokenRequest): string {
  return `getting a token for ${request.scopes[0] ?? request.host} of ${request.host}`;
}
