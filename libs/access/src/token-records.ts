import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

import { repositoryName } from '@oci-package-proxy/mapping';
import type { LedgerPort, PackageRef } from '@oci-package-proxy/storage';
import { z } from 'zod';

import type { TokenInfo } from './access-port.ts';
import { ACTIONS } from './rules.ts';

const FORM = /^opp_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;
const REF: PackageRef = { ecosystem: 'system', name: 'tokens', repository: repositoryName(['system', 'tokens']) };
/** How often, at most, an unknown id makes the ledger list again, in milliseconds. */
const LOOK_AGAIN_MS = 1000;

const Record = z.object({
  hash: z.string(),
  owner: z.string(),
  ownerKind: z.enum(['user', 'admin']),
  description: z.string(),
  created: z.string(),
  expires: z.string().nullable(),
  scope: z.object({ actions: z.array(z.enum(ACTIONS)), ecosystem: z.string(), packages: z.array(z.string()) }),
});

/** What is stored of a token; of its secret only a hash. */
export type TokenRecord = z.output<typeof Record>;

/** The ledger, as far as tokens need it. */
export type TokenLedger = Pick<LedgerPort, 'fold' | 'record'>;

/** A token's text and the parts of it that are stored. */
export interface NewToken {
  readonly token: string;
  readonly id: string;
  readonly hash: string;
}

/** A new token: 256 random bits. */
export function newToken(): NewToken {
  const id = randomBytes(8).toString('hex');
  const secret = randomBytes(32).toString('base64url');
  return { token: `opp_${id}_${secret}`, id, hash: hashOf(secret) };
}

/** The id and the secret in the text of a token; null when it is none of ours. */
export function parseToken(text: string): { readonly id: string; readonly secret: string } | null {
  const match = FORM.exec(text);
  return match === null ? null : { id: match[1] ?? '', secret: match[2] ?? '' };
}

/** Whether `secret` is the one that was hashed. Takes the same time whatever it is. */
export function isSecretOf(record: TokenRecord, secret: string): boolean {
  const given = Buffer.from(hashOf(secret));
  const stored = Buffer.from(record.hash);
  return given.length === stored.length && timingSafeEqual(given, stored);
}

/** A token as it may be shown. */
export function tokenInfo(id: string, { owner, description, created, expires, scope }: TokenRecord): TokenInfo {
  return { id, owner, description, created, expires, scope };
}

/** The stored tokens: one event each in the repository `system/tokens`. */
export class TokenRecords {
  readonly #ledger: TokenLedger;
  readonly #clock: () => number;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #looking: Promise<unknown> | null = null;

  constructor(ledger: TokenLedger, clock: () => number) {
    this.#ledger = ledger;
    this.#clock = clock;
  }

  /** The record of a token that is not revoked, or null. @throws ProxyError `storage-unavailable`. */
  async find(id: string): Promise<TokenRecord | null> {
    const known = await this.#read(id, false);
    if (known !== undefined) {
      return known;
    }
    // Another process may have issued it just now; but who guesses ids must not make us list for each.
    if (this.#clock() - this.#lookedAt >= LOOK_AGAIN_MS) {
      this.#lookedAt = this.#clock();
      this.#looking = this.#ledger.fold(REF, { fresh: true });
    }
    await this.#looking;
    return (await this.#read(id, false)) ?? null;
  }

  /** Every token that is not revoked, by id. */
  async all(): Promise<ReadonlyMap<string, TokenRecord>> {
    const { values } = await this.#ledger.fold(REF, { fresh: true });
    const records = new Map<string, TokenRecord>();
    for (const [key, { value }] of values) {
      const parsed = Record.safeParse(value);
      if (key.startsWith('token:') && parsed.success) {
        records.set(key.slice('token:'.length), parsed.data);
      }
    }
    return records;
  }

  /** Stores a token's record. */
  async put(id: string, record: TokenRecord, by: string): Promise<void> {
    await this.#ledger.record(REF, [{ key: `token:${id}`, value: record }], { by });
  }

  /** Forgets a token. */
  async remove(id: string, by: string): Promise<void> {
    await this.#ledger.record(REF, [{ key: `token:${id}`, value: null }], { by });
  }

  /** undefined: nothing is known of the id; null: revoked, or not readable. */
  async #read(id: string, fresh: boolean): Promise<TokenRecord | null | undefined> {
    const { values } = await this.#ledger.fold(REF, { fresh });
    const value = values.get(`token:${id}`)?.value;
    if (value === undefined) {
      return undefined;
    }
    const parsed = Record.safeParse(value);
    return parsed.success ? parsed.data : null;
  }
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
