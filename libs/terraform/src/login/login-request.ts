import { ProxyError } from '@oci-package-proxy/errors';

import { LOGIN_CLIENT } from '../documents/discovery-document.ts';

const REDIRECT = /^http:\/\/(?:localhost|127\.0\.0\.1):(\d{4,5})\/login$/;
const FIRST_PORT = 1024;
const LAST_PORT = 65_535;
/** RFC 7636 §4.2: base64url of a sha256. */
const CHALLENGE = /^[A-Za-z0-9_-]{43}$/;
const MAX_STATE = 1024;

/** What `terraform login` asks a browser to ask for: RFC 6749 §4.1.1, RFC 7636 §4.3. */
export interface LoginRequest {
  /** Where the code goes: a port of the computer that the browser runs on. */
  readonly redirectUri: string;
  readonly state: string;
  readonly challenge: string;
}

/**
 * Reads a request for a code.
 * @throws ProxyError `invalid`; nobody is sent anywhere with that, as it may have come from anywhere.
 */
export function loginRequest(parameters: URLSearchParams): LoginRequest {
  const redirectUri = single(parameters, 'redirect_uri');
  const port = Number(REDIRECT.exec(redirectUri)?.[1] ?? 0);
  if (port < FIRST_PORT || port > LAST_PORT) {
    throw new ProxyError('invalid', 'redirect_uri must be http://localhost:<port>/login, with a port from 1024 on: a token goes to no other computer.');
  }
  check(single(parameters, 'response_type') === 'code', 'response_type must be code.');
  check(single(parameters, 'client_id') === LOGIN_CLIENT, `client_id must be ${LOGIN_CLIENT}.`);
  check(single(parameters, 'code_challenge_method') === 'S256', 'code_challenge_method must be S256.');
  const challenge = single(parameters, 'code_challenge');
  check(CHALLENGE.test(challenge), 'code_challenge must be the base64url form of a SHA-256.');
  const state = single(parameters, 'state');
  check(state.length <= MAX_STATE, `state must have at most ${MAX_STATE} characters.`);
  return { redirectUri, state, challenge };
}

/** The parameters of a request, to be repeated by the form. */
export function parametersOf({ redirectUri, state, challenge }: LoginRequest): Readonly<Record<string, string>> {
  return { response_type: 'code', client_id: LOGIN_CLIENT, redirect_uri: redirectUri, state, code_challenge: challenge, code_challenge_method: 'S256' };
}

/** Where the browser takes the code. */
export function redirectWith({ redirectUri, state }: LoginRequest, code: string): string {
  return `${redirectUri}?${new URLSearchParams({ code, state }).toString()}`;
}

/** A parameter may be there only once: RFC 6749 §3.1. */
function single(parameters: URLSearchParams, name: string): string {
  const [value = '', ...others] = parameters.getAll(name);
  check(others.length === 0, `${name} is there more than once.`);
  return value;
}

function check(isRight: boolean, message: string): void {
  if (!isRight) {
    throw new ProxyError('invalid', `This address of a sign-in is not one that terraform login makes: ${message} Run terraform login again.`);
  }
}
