import type { Action, TokenInfo, TokenScope } from '@oci-package-proxy/access';
import { ProxyError } from '@oci-package-proxy/errors';

import { ECOSYSTEM } from '../package-name.ts';
import type { TokenBody } from './login-body.ts';

const DAY_MS = 86_400_000;
const EVERYTHING = '**';

/** What a new token is to be, as `Tokens.issue` takes it. */
export interface TokenWishes {
  readonly description: string;
  readonly scope: TokenScope;
  readonly expires: string | null;
}

/**
 * What the body of `npm token create` asks for.
 * @param now milliseconds since the epoch.
 * @throws ProxyError `invalid` for what would not be enforced, so that nobody relies on it.
 */
export function tokenWishes(body: TokenBody, now: number): TokenWishes {
  if ((body.cidr_whitelist ?? body.cidr ?? []).length > 0) {
    throw new ProxyError('invalid', 'Tokens cannot be bound to addresses here. Leave --cidr out.');
  }
  if (body.packages_and_scopes_permission === 'no-access') {
    throw new ProxyError('invalid', 'Tokens are for packages alone here: one without access to any could do nothing. Choose read-only or read-write.');
  }
  return {
    description: body.description ?? body.token_description ?? body.name ?? '',
    scope: { actions: actionsOf(body), ecosystem: ECOSYSTEM, packages: packagesOf(body) },
    expires: expiryOf(body.expires ?? null, now),
  };
}

/** A token as `npm token list` shows it. */
export function tokenAnswer({ id, description, created, expires, scope }: TokenInfo): Record<string, unknown> {
  return { key: id, token: id.slice(0, 6), name: description, created, updated: created, expires, readonly: !scope.actions.includes('publish'), cidr_whitelist: null };
}

function actionsOf(body: TokenBody): Action[] {
  const readonly = body.readonly === true || body.packages_and_scopes_permission === 'read-only';
  return readonly ? ['read'] : ['read', 'publish', 'delete'];
}

function packagesOf({ packages, scopes, packages_all: all }: TokenBody): string[] {
  const named = [...(packages ?? []), ...(scopes ?? []).map((scope) => `${scope.startsWith('@') ? scope : `@${scope}`}/*`)];
  return all === true || named.length === 0 ? [EVERYTHING] : named;
}

function expiryOf(expires: number | string | null, now: number): string | null {
  if (expires === null || expires === '') {
    return null;
  }
  const days = Number(expires);
  const at = Number.isNaN(days) ? Date.parse(String(expires)) : now + days * DAY_MS;
  if (Number.isNaN(at) || !(Math.abs(at) < 8.64e15)) {
    throw new ProxyError('invalid', 'The expiry of a token is a number of days.');
  }
  return new Date(at).toISOString();
}
