import { createPrivateKey, type KeyObject, sign } from 'node:crypto';

import { ProxyError } from '@oci-package-proxy/errors';

import { exchange, lifetimeMs, objectOf, secretFile, secureUrl, textField } from './exchange.ts';
import type { IssuedCredential } from './refreshed-credential.ts';

/** How GAR is signed in to: exactly one of the two. */
export interface GarOptions {
  readonly kind: 'gar';
  /** The JSON key of a service account (its `token_uri` is where we ask), and the OAuth scope to ask for. */
  readonly serviceAccount?: { readonly keyFile: string; readonly scope: string } | undefined;
  /** The metadata server's URL of the machine's service account, up to `/token`. */
  readonly metadata?: { readonly url: string } | undefined;
}

interface ServiceAccount {
  readonly email: string;
  readonly key: KeyObject;
  readonly keyId: string | null;
  readonly tokenUrl: URL;
}

const SUBJECT = 'getting a GAR token';
const USER = 'oauth2accesstoken';
const ASSERTION_S = 3_600;
const LIFETIME_MS = 600_000;

/**
 * A user and password for GAR: an access token, by the JWT bearer grant (RFC 7523) or of the metadata server.
 * https://cloud.google.com/artifact-registry/docs/docker/authentication
 * @throws ProxyError `config`, `storage-denied` or `storage-unavailable`, with what is to be changed.
 */
export async function garCredential(options: GarOptions, context: { readonly ca?: string | undefined; readonly clock: () => number }): Promise<IssuedCredential> {
  const request = options.serviceAccount === undefined ? metadataRequest(options) : await assertionRequest(options.serviceAccount, context.clock());
  const answer = objectOf(await exchange({ ...request, ca: context.ca }), request);
  return { credential: { username: USER, password: textField(answer, 'access_token', request) }, lifetimeMs: lifetimeMs(answer['expires_in'], LIFETIME_MS) };
}

function metadataRequest(options: GarOptions): Parameters<typeof exchange>[0] {
  const url = URL.parse(options.metadata?.url ?? '');
  if (url === null) {
    throw new ProxyError('config', 'storage.credentials: needs serviceAccount, or metadata.url as a URL');
  }
  const advice = 'check metadata.url, and that this machine or pod has a service account that may use the registry';
  return { method: 'GET', url, headers: { 'metadata-flavor': 'Google' }, subject: SUBJECT, advice };
}

async function assertionRequest(source: { keyFile: string; scope: string }, now: number): Promise<Parameters<typeof exchange>[0]> {
  const account = serviceAccount(await secretFile(source.keyFile, SUBJECT), source.keyFile);
  const issuedAt = Math.floor(now / 1000);
  const claims = { iss: account.email, scope: source.scope, aud: account.tokenUrl.href, iat: issuedAt, exp: issuedAt + ASSERTION_S };
  const form = new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: signedToken(claims, account) });
  return {
    method: 'POST',
    url: account.tokenUrl,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
    subject: SUBJECT,
    advice: 'check that the key of serviceAccount.keyFile was not deleted, serviceAccount.scope, and the clock of this machine',
  };
}

function serviceAccount(text: string, path: string): ServiceAccount {
  try {
    const file = JSON.parse(text) as Record<string, unknown>;
    const { client_email: email, private_key: pem, private_key_id: keyId, token_uri: tokenUrl } = file;
    if (typeof email === 'string' && typeof pem === 'string' && typeof tokenUrl === 'string') {
      return { email, key: createPrivateKey(pem), keyId: typeof keyId === 'string' ? keyId : null, tokenUrl: secureUrl(tokenUrl, `${path}: token_uri`) };
    }
  } catch (error) {
    if (error instanceof ProxyError) {
      throw error;
    }
    // What the parsers say may quote the key.
  }
  throw new ProxyError('config', `${SUBJECT}: ${path} is not the JSON key of a service account; make one anew and keep it as it was given`);
}

function signedToken(claims: Record<string, unknown>, account: ServiceAccount): string {
  const header = { alg: 'RS256', typ: 'JWT', ...(account.keyId === null ? {} : { kid: account.keyId }) };
  const text = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${text}.${sign('sha256', Buffer.from(text), account.key).toString('base64url')}`;
}
