import { AccessService } from './access-service.ts';
import { type AccessLogger, SILENT } from './access-logger.ts';
import type { Access, Tokens } from './access-port.ts';
import { type AccessRules, DEFAULT_RULES } from './access-rules.ts';
import { AdminToken } from './admin-token.ts';
import { Grants } from './grants.ts';
import type { PassThrough } from './pass-through.ts';
import { Passwords } from './passwords.ts';
import { RegistryAccounts } from './registry-accounts.ts';
import { Rights } from './rights.ts';
import { TokenCheck } from './token-check.ts';
import { type TokenLedger, TokenRecords } from './token-records.ts';
import { TokenStore } from './token-store.ts';
import { NO_USERS, UsersFile } from './users-file.ts';

/** What {@link createAccess} is made of. */
export interface AccessOptions {
  /** Path of an htpasswd file with bcrypt hashes; null: there are no users. */
  readonly usersFile: string | null;
  readonly adminToken: string | null;
  /** Whether anybody may read what the rules let everybody read. */
  readonly anonymousRead: boolean;
  /** Null: the defaults. */
  readonly rules: AccessRules | null;
  /** Where accounts of the registry are asked for; null or left out: nobody is let in who is not known here. */
  readonly passThrough?: PassThrough | null;
  /** Holds the tokens. */
  readonly ledger: TokenLedger;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
  /** Nothing is logged without one. */
  readonly logger?: AccessLogger;
}

/** Access control of a process; storage is not asked before somebody shows a token. @throws ProxyError `config` when the users file cannot be used. */
export async function createAccess(options: AccessOptions): Promise<{ readonly access: Access; readonly tokens: Tokens; close(): void }> {
  const { clock = Date.now, logger = SILENT } = options;
  const users = options.usersFile === null ? NO_USERS : await UsersFile.open(options.usersFile, { clock, logger });
  const admin = new AdminToken(options.adminToken);
  const grants = new Grants();
  const rights = new Rights(options.rules ?? DEFAULT_RULES, options.anonymousRead, grants);
  const passwords = new Passwords(users, clock);
  const records = new TokenRecords(options.ledger, clock, logger);
  const tokens = new TokenCheck({ records, users, admin, clock });
  const { passThrough = null } = options;
  const registryAccounts = passThrough === null ? null : new RegistryAccounts(passThrough, clock);
  return {
    access: new AccessService({ admin, passwords, tokens, grants, rights, registryAccounts }),
    tokens: new TokenStore({ records, passwords, rights, grants, clock, passesThrough: passThrough !== null }),
    close: () => {
      passwords.forget();
      registryAccounts?.forget();
      records.close();
    },
  };
}
