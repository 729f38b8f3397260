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
 * of .../auth/oauth/, and GET again where a service does not know that.
 * @throws ProxyError `storage-denied` when the service refuses, `storage-unavailable` when it fails.
 */
export async function requestToken(request: TokenRequest, send: TokenSender): Promise<IssuedToken> {
  const { credential } = request;
  if (credential === null || 'username' in credential) {
    return issued(await send(getRequest(request, credential)), request);
  }
  const answer = await send(postRequest(request, credential.identityToken));
  if (answer.status !== 404 && answer.status !== 405) {
    return issued(answer, request);
  }
  return issued(await send(getRequest(request, { username: '<token>', password: credential.identityToken })), request);
}

function getRequest(request: TokenRequest, credential: { username: string; password: string } | null): RegistryRequest {
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

function postRequest(request: TokenRequest, identityToken: string): RegistryRequest {
  const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: identityToken, service: request.service ?? request.host });
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
  return { token, lifetimeMs: lifetime * 1000 };
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
  const who = request.credential === null ? 'anonymous access' : 'the storage credential';
  return new ProxyError('storage-denied', `${subjectOf(request)}: the token service ${request.realm.host} refuses ${who} (${answer.status})`);
}

function subjectOf(request: TokenRequest): string {
  return `getting a token for ${request.scopes[0] ?? request.host} of ${request.host}`;
}
