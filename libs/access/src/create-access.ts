import type { Access, Tokens } from './access-port.ts';
import { AccessService } from './access-service.ts';
import type { AccessLogger } from './logger.ts';
import { PasswordCheck } from './password-check.ts';
import { type AccessRule, compileRules } from './rules.ts';
import { type TokenLedger, TokenRecords } from './token-records.ts';
import { TokenStore } from './token-store.ts';
import { UsersFile } from './users-file.ts';

/** What access is made of. */
export interface AccessOptions {
  /** Path of an htpasswd file; null: no users. */
  readonly usersFile: string | null;
  /** A token with every right; null: none. */
  readonly adminToken: string | null;
  readonly anonymousRead: boolean;
  /** null: who reads may read, users may read, publish and delete. */
  readonly rules: readonly AccessRule[] | null;
  readonly ledger: TokenLedger;
  readonly logger: AccessLogger;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
}

/**
 * Reads the users and compiles the rules.
 * @throws ProxyError `config` when the users file cannot be read.
 */
export async function createAccess(options: AccessOptions): Promise<{ readonly access: Access; readonly tokens: Tokens }> {
  const { adminToken, anonymousRead, clock = Date.now } = options;
  const users = options.usersFile === null ? null : new UsersFile(options.usersFile, options.logger, clock);
  await users?.load();
  const passwords = new PasswordCheck(users, clock);
  const records = new TokenRecords(options.ledger, clock);
  const rules = options.rules === null ? null : compileRules(options.rules);
  const access = new AccessService({ passwords, records, adminToken, anonymousRead, rules, clock });
  return { access, tokens: new TokenStore({ records, passwords, access, clock }) };
}
