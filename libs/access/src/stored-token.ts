import type { FoldValue } from '@oci-package-proxy/storage';
import { z } from 'zod';

import type { TokenInfo } from './access-port.ts';
import { ACTIONS, allows } from './actions.ts';
import { EVERY_PACKAGE, isSimplePattern, packageMatcher } from './package-pattern.ts';

const MAX_PATTERNS = 64;

/** What of its owner's rights a token has. */
export const Scope = z.object({
  actions: z.array(z.enum(ACTIONS)).min(1),
  ecosystem: z.string().regex(/^(?:\*|[a-z0-9]+)$/),
  packages: z.array(z.string().refine(isSimplePattern)).min(1).max(MAX_PATTERNS),
});

/** All that the owner may. */
export const FULL_SCOPE = { actions: [...ACTIONS], ecosystem: '*', packages: [EVERY_PACKAGE] };

/** The value of an event `token:<id>`: anything else in storage is no token. */
const TokenValue = z.object({
  /** Hex of the secret's sha256. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  owner: z.string().min(1),
  /** Whose rights it has: a user's of the users file, or those of the admin token. */
  ownerKind: z.enum(['user', 'admin']),
  description: z.string(),
  created: z.iso.datetime(),
  expires: z.iso.datetime().nullable(),
  scope: Scope,
});

/** A token as the ledger has it. */
export interface StoredToken {
  readonly info: TokenInfo;
  /** Hex of the secret's sha256. */
  readonly hash: string;
  readonly ownerKind: 'user' | 'admin';
  /** Whether its scope holds the name of a package. */
  readonly matches: (name: string) => boolean;
  /** Whether its scope leaves nothing out. */
  readonly isFull: boolean;
}

/** What is stored. */
export type TokenValue = z.output<typeof TokenValue>;

/** The token in an event's value, or null. */
export function storedToken(id: string, { value }: Pick<FoldValue, 'value'>): StoredToken | null {
  const parsed = TokenValue.safeParse(value);
  if (!parsed.success) {
    return null;
  }
  const { hash, ownerKind, owner, description, created, expires, scope } = parsed.data;
  const isFull = scope.ecosystem === '*' && scope.packages.includes(EVERY_PACKAGE) && allows(scope.actions, 'admin');
  return { info: { id, owner, description, created, expires, scope }, hash, ownerKind, isFull, matches: packageMatcher(scope.packages) };
}
