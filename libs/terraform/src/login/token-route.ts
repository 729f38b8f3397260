import { isProxyError } from '@oci-package-proxy/errors';

import { LOGIN_CLIENT } from '../documents/discovery-document.ts';
import type { Exchange, Route } from '../http/exchange.ts';
import { formBody } from './form-body.ts';
import type { LoginGrant } from './login-codes.ts';
import type { LoginOptions } from './login-options.ts';

const DAY_MS = 86_400_000;
const DESCRIPTION = 'terraform login';
const HEADERS = { 'cache-control': 'no-store', pragma: 'no-cache', 'content-type': 'application/json' };

type TokenOptions = Pick<LoginOptions, 'tokens' | 'codes' | 'days' | 'enabled' | 'clock'>;

/** RFC 6749 §5.2. */
interface Refusal {
  readonly error: 'invalid_request' | 'invalid_client' | 'invalid_grant' | 'unauthorized_client' | 'unsupported_grant_type';
  readonly error_description: string;
}

/** Where a code becomes a token: RFC 6749 §4.1.3, RFC 7636 §4.5. */
export function tokenRoute(options: TokenOptions): Route {
  return { methods: ['POST'], pattern: 'login/token', anybody: true, handler: async (exchange) => answer(exchange, options) };
}

async function answer({ request, reply }: Exchange, options: TokenOptions): Promise<void> {
  const fields = await formBody(request).catch((error: unknown): Refusal => {
    if (isProxyError(error, 'unsupported-media-type') || isProxyError(error, 'too-large')) {
      return { error: 'invalid_request', error_description: error.message };
    }
    throw error;
  });
  const grant = fields instanceof URLSearchParams ? grantIn(fields, options) : fields;
  if ('error' in grant) {
    await reply.code(400).headers(HEADERS).send(Buffer.from(JSON.stringify(grant)));
    return;
  }
  const token = await tokenOf(grant.owner, options);
  await reply.code(200).headers(HEADERS).send(Buffer.from(JSON.stringify({ access_token: token, token_type: 'bearer' })));
}

function grantIn(fields: URLSearchParams, { codes, enabled }: TokenOptions): LoginGrant | Refusal {
  if (!enabled) {
    return { error: 'unauthorized_client', error_description: 'Nobody can sign in to this server.' };
  }
  if (fields.get('grant_type') !== 'authorization_code') {
    return { error: 'unsupported_grant_type', error_description: 'grant_type must be authorization_code.' };
  }
  if (fields.get('client_id') !== LOGIN_CLIENT) {
    return { error: 'invalid_client', error_description: `client_id must be ${LOGIN_CLIENT}.` };
  }
  const grant = codes.redeem(fields.get('code') ?? '', { verifier: fields.get('code_verifier') ?? '', redirectUri: fields.get('redirect_uri') ?? '' });
  return grant ?? { error: 'invalid_grant', error_description: 'The code has ended, was used, or belongs to another sign-in. Run terraform login again.' };
}

async function tokenOf(owner: LoginGrant['owner'], { tokens, days, clock = Date.now }: TokenOptions): Promise<string> {
  if (owner.kind === 'token') {
    return owner.token;
  }
  const expires = new Date(clock() + days * DAY_MS).toISOString();
  const { token } = await tokens.signIn({ ...owner, tokenId: null }, { description: DESCRIPTION, expires });
  return token;
}
