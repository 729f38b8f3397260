import { createHash, timingSafeEqual } from 'node:crypto';

import { ProxyError } from '@oci-package-proxy/errors';

import type { Access, Action, Principal, TokenScope } from './access-port.ts';
import type { PasswordCheck } from './password-check.ts';
import { allows, coversEcosystem, packageMatcher, type RuleCheck, type Subject } from './rules.ts';
import { isSecretOf, parseToken, type TokenRecord, type TokenRecords } from './token-records.ts';

/** The principal of a caller who shows nothing. */
export const ANONYMOUS: Principal = { kind: 'anonymous', name: 'anonymous', tokenId: null };

/** What {@link AccessService} needs. */
export interface AccessServiceOptions {
  readonly passwords: PasswordCheck;
  readonly records: TokenRecords;
  readonly adminToken: string | null;
  readonly anonymousRead: boolean;
  /** null: no rules are configured. */
  readonly rules: RuleCheck | null;
  readonly clock: () => number;
}

interface Grant {
  readonly scope: TokenScope;
  readonly covers: (name: string) => boolean;
  readonly owner: Principal;
}

/** Who is asking, and may they. */
export class AccessService implements Access {
  readonly #options: AccessServiceOptions;
  /** What the tokens of principals let them do. */
  readonly #grants = new WeakMap<Principal, Grant>();

  constructor(options: AccessServiceOptions) {
    this.#options = options;
  }

  async authenticate(authorization: string | undefined, { clientAddress }: { readonly clientAddress: string }): Promise<Principal> {
    if (authorization === undefined || authorization.trim() === '') {
      return ANONYMOUS;
    }
    const [, scheme = '', value = ''] = /^(\S+)\s+(\S+)\s*$/.exec(authorization) ?? [];
    const principal = await this.#principalOf(scheme.toLowerCase(), value, clientAddress);
    if (principal === null) {
      throw new ProxyError('unauthenticated', 'The credential that was sent is not valid here: it is wrong, has expired or was revoked. Sign in again.');
    }
    return principal;
  }

  authorize(principal: Principal, action: Action, subject: Subject): void {
    if (this.may(principal, action, subject)) {
      return;
    }
    const what = subject.package === null ? `${subject.ecosystem} packages` : `the ${subject.ecosystem} package ${subject.package}`;
    if (principal.kind === 'anonymous') {
      throw new ProxyError('unauthenticated', `Sign in to ${verb(action)} ${what}.`);
    }
    throw new ProxyError('forbidden', `${principal.name} may not ${verb(action)} ${what}. Ask the operator of this registry for the right.`);
  }

  may(principal: Principal, action: Action, subject: Subject): boolean {
    const grant = this.#grants.get(principal);
    if (grant !== undefined) {
      const { scope, covers, owner } = grant;
      const inScope = allows(scope.actions, action) && coversEcosystem(scope.ecosystem, subject) && (subject.package === null || covers(subject.package));
      return inScope && (this.#mayUnscoped(owner, action, subject) || this.#mayUnscoped(principal, action, subject));
    }
    return this.#mayUnscoped(principal, action, subject);
  }

  #mayUnscoped(principal: Principal, action: Action, subject: Subject): boolean {
    const { anonymousRead, rules } = this.#options;
    if (principal.kind === 'admin') {
      return true;
    }
    if (principal.kind === 'anonymous' && !anonymousRead) {
      return false;
    }
    if (rules !== null) {
      return rules(principal, action, subject);
    }
    return action === 'read' || (principal.kind !== 'anonymous' && action !== 'admin');
  }

  async #principalOf(scheme: string, value: string, address: string): Promise<Principal | null> {
    if (scheme === 'bearer') {
      return this.#byToken(value);
    }
    if (scheme !== 'basic') {
      return null;
    }
    const text = Buffer.from(value, 'base64').toString('utf8');
    const colon = text.indexOf(':');
    if (colon < 0) {
      return null;
    }
    const password = text.slice(colon + 1);
    const token = await this.#byToken(password);
    if (token !== null) {
      return token;
    }
    const name = text.slice(0, colon);
    return (await this.#options.passwords.verify(name, password, address)) ? { kind: 'user', name, tokenId: null } : null;
  }

  async #byToken(text: string): Promise<Principal | null> {
    const { adminToken, records } = this.#options;
    if (adminToken !== null && isSame(text, adminToken)) {
      return { kind: 'admin', name: 'admin', tokenId: null };
    }
    const parsed = parseToken(text);
    const record = parsed === null ? null : await records.find(parsed.id);
    if (parsed === null || record === null || !isSecretOf(record, parsed.secret) || !(await this.#isValid(record))) {
      return null;
    }
    const principal: Principal = { kind: 'token', name: record.owner, tokenId: parsed.id };
    this.#grants.set(principal, { scope: record.scope, covers: packageMatcher(record.scope.packages), owner: { kind: record.ownerKind, name: record.owner, tokenId: null } });
    return principal;
  }

  async #isValid(record: TokenRecord): Promise<boolean> {
    if (record.expires !== null && Date.parse(record.expires) <= this.#options.clock()) {
      return false;
    }
    // Who is taken out of the users file loses their tokens with it.
    return record.ownerKind === 'admin' || this.#options.passwords.isUser(record.owner);
  }
}

function verb(action: Action): string {
  return action === 'admin' ? 'administer' : action;
}

// Hashed first, so that the comparison takes the same time for every length.
function isSame(left: string, right: string): boolean {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(left), hash(right));
}
