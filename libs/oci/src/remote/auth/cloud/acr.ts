import { ProxyError } from '@oci-package-proxy/errors';

import { exchange, type ExchangeRequest, lifetimeMs, objectOf, secretFile, secureUrl, textField } from './exchange.ts';
import type { IssuedCredential } from './refreshed-credential.ts';

/** How ACR is signed in to: exactly one of `servicePrincipal` and `managedIdentity`. */
export interface AcrOptions {
  readonly kind: 'acr';
  /** The directory's id, where the registry wants it said. */
  readonly tenant?: string | undefined;
  /** An application: `tokenUrl` is that of its directory; a secret, or the file of a federated token (workload identity). */
  readonly servicePrincipal?:
    | {
        readonly tokenUrl: string;
        readonly clientId: string;
        readonly scope: string;
        readonly clientSecretFile?: string | undefined;
        readonly clientAssertionFile?: string | undefined;
      }
    | undefined;
  /** The identity service of the machine: its whole URL, with `api-version`, `resource` and, for a user-assigned one, `client_id`. */
  readonly managedIdentity?: { readonly url: string } | undefined;
}

/** What the exchange needs to know besides. */
export interface AcrContext {
  /** URL of the registry. */
  readonly registry: URL;
  readonly ca?: string | undefined;
  /** The CA of the registry itself, PEM. */
  readonly registryCa?: string | undefined;
  readonly clock: () => number;
}

const SUBJECT = 'getting an ACR token';
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const LIFETIME_MS = 3_600_000;

/**
 * A refresh token of ACR, in exchange for an access token of the directory:
 * https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md#calling-post-oauth2exchange-to-get-an-acr-refresh-token
 * @throws ProxyError `config`, `storage-denied` or `storage-unavailable`, with what is to be changed.
 */
export async function acrCredential(options: AcrOptions, context: AcrContext): Promise<IssuedCredential> {
  const accessToken = await directoryToken(options, context.ca);
  const url = new URL('/oauth2/exchange', secureUrl(context.registry.href, 'STORAGE_URL, whose registry is sent a token of the directory,'));
  const form = new URLSearchParams({ grant_type: 'access_token', service: context.registry.host, access_token: accessToken });
  if (options.tenant !== undefined) {
    form.set('tenant', options.tenant);
  }
  const advice = 'give the identity a role on this registry (AcrPull; AcrPush to publish), and check tenant';
  const request = { method: 'POST', url, headers: FORM, body: form.toString(), subject: SUBJECT, advice, ca: context.registryCa } as const;
  const identityToken = textField(objectOf(await exchange(request), request), 'refresh_token', request);
  return { credential: { identityToken }, lifetimeMs: leftOf(identityToken, context.clock()) };
}

async function directoryToken(options: AcrOptions, ca: string | undefined): Promise<string> {
  const request = options.servicePrincipal === undefined ? identityRequest(options) : await principalRequest(options.servicePrincipal);
  return textField(objectOf(await exchange({ ...request, ca }), request), 'access_token', request);
}

function identityRequest(options: AcrOptions): ExchangeRequest {
  const url = URL.parse(options.managedIdentity?.url ?? '');
  if (url === null) {
    throw new ProxyError('config', 'storage.credentials: needs servicePrincipal, or managedIdentity.url as a URL');
  }
  const advice = 'check managedIdentity.url (api-version, resource, client_id), and that this machine has that identity';
  return { method: 'GET', url, headers: { metadata: 'true' }, subject: `${SUBJECT}, of the managed identity`, advice };
}

async function principalRequest(principal: NonNullable<AcrOptions['servicePrincipal']>): Promise<ExchangeRequest> {
  const url = secureUrl(principal.tokenUrl, 'storage.credentials.servicePrincipal.tokenUrl');
  const subject = `${SUBJECT}, of the service principal`;
  const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: principal.clientId, scope: principal.scope });
  if (principal.clientSecretFile !== undefined) {
    form.set('client_secret', await secretFile(principal.clientSecretFile, subject));
  } else if (principal.clientAssertionFile !== undefined) {
    form.set('client_assertion_type', ASSERTION);
    form.set('client_assertion', await secretFile(principal.clientAssertionFile, subject));
  }
  const advice = 'check servicePrincipal.clientId, tokenUrl and scope, and that the secret has not expired';
  return { method: 'POST', url, headers: FORM, body: form.toString(), subject, advice };
}

/** What the `exp` of a JWT leaves; an hour where it is none. Nothing is believed but when to ask again. */
function leftOf(token: string, now: number): number {
  try {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { exp?: unknown } | null;
    return typeof claims?.exp === 'number' ? lifetimeMs(claims.exp - now / 1000, LIFETIME_MS) : LIFETIME_MS;
  } catch {
    return LIFETIME_MS;
  }
}
