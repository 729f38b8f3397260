import { repositoryName } from '@oci-package-proxy/mapping';
import type { FoldValue, LedgerPort, PackageRef } from '@oci-package-proxy/storage';
import { LRUCache } from 'lru-cache';

import type { AccessLogger } from './access-logger.ts';
import { type StoredToken, storedToken, type TokenValue } from './stored-token.ts';

const KEY = 'token:';
const LIST_EVERY_MS = 1_000;
/** An id is shown only after it is stored, so one that is not there will not come. */
const REMEMBER_UNKNOWN_MS = 10_000;
const MAX_UNKNOWN = 10_000;

/** The part of the ledger that holds the tokens. */
export type TokenLedger = Pick<LedgerPort, 'fold' | 'record' | 'invalidate'> & Partial<Pick<LedgerPort, 'refreshSnapshot'>>;

/** Where tokens are kept: events of one package of the system's own. */
export const TOKENS_REF: PackageRef = { ecosystem: 'system', name: 'tokens', repository: repositoryName(['system', 'tokens']) };

/** API tokens in the ledger, by id. Unknown ids cost at most one tag list a second, whoever makes them up. */
export class TokenRecords {
  readonly #ledger: TokenLedger;
  readonly #clock: () => number;
  readonly #logger: AccessLogger;
  readonly #parsed = new WeakMap<FoldValue, StoredToken>();
  readonly #unknown = new LRUCache<string, number>({ max: MAX_UNKNOWN });
  #next: Promise<void> | null = null;
  #listedAt = Number.NEGATIVE_INFINITY;
  readonly #timers = new Set<{ readonly timer: NodeJS.Timeout; readonly wake: () => void }>();

  constructor(ledger: TokenLedger, clock: () => number, logger: AccessLogger) {
    this.#ledger = ledger;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** The token of this id; null when there is none or it was revoked. @throws ProxyError `storage-unavailable`, `storage-denied`. */
  async find(id: string): Promise<StoredToken | null> {
    const now = this.#clock();
    if (now < (this.#unknown.get(id) ?? 0)) {
      return null;
    }
    const known = (await this.#ledger.fold(TOKENS_REF)).values.get(KEY + id);
    if (known !== undefined) {
      return this.#parse(id, known);
    }
    // The list behind the fold may be older than the token.
    await this.#listAgain();
    const value = (await this.#ledger.fold(TOKENS_REF)).values.get(KEY + id);
    if (value === undefined) {
      this.#unknown.set(id, this.#clock() + REMEMBER_UNKNOWN_MS);
      return null;
    }
    return this.#parse(id, value);
  }

  /** Every token that was not revoked, as of now. @throws ProxyError `storage-unavailable`, `storage-denied`. */
  async all(): Promise<readonly StoredToken[]> {
    const { values } = await this.#ledger.fold(TOKENS_REF, { fresh: true });
    const tokens: StoredToken[] = [];
    for (const [key, value] of values) {
      const token = key.startsWith(KEY) ? this.#parse(key.slice(KEY.length), value) : null;
      if (token !== null) {
        tokens.push(token);
      }
    }
    return tokens;
  }

  /** Stores a token, or revokes it with null. @throws ProxyError `storage-unavailable`, `storage-denied`. */
  async put(id: string, value: TokenValue | null, by: string): Promise<void> {
    await this.#ledger.record(TOKENS_REF, [{ key: KEY + id, value }], { by });
    this.#unknown.delete(id);
    // Nobody else looks after this package, and each start would read every event of it one by one.
    this.#ledger.refreshSnapshot?.(TOKENS_REF).catch((err: unknown) => this.#logger.warn({ err }, 'snapshot of the tokens not written'));
  }

  /** Lets nobody wait any longer. */
  close(): void {
    for (const { timer, wake } of this.#timers) {
      clearTimeout(timer);
      wake();
    }
    this.#timers.clear();
  }

  #parse(id: string, value: FoldValue): StoredToken | null {
    const parsed = this.#parsed.get(value) ?? storedToken(id, value);
    if (parsed !== null) {
      this.#parsed.set(value, parsed);
    }
    return parsed;
  }

  // One that was begun before our caller came would not do: the token may have been stored since.
  async #listAgain(): Promise<void> {
    this.#next ??= this.#listLater();
    await this.#next;
  }

  async #listLater(): Promise<void> {
    // Always a wait, be it of no time: who calls stores this promise before it is forgotten here.
    await this.#pause(Math.max(0, this.#listedAt + LIST_EVERY_MS - this.#clock()));
    this.#next = null;
    this.#listedAt = this.#clock();
    await this.#ledger.fold(TOKENS_REF, { fresh: true });
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const expire = (): void => {
        this.#timers.delete(entry);
        resolve();
      };
      const entry = { wake: resolve, timer: setTimeout(expire, ms) };
      entry.timer.unref();
      this.#timers.add(entry);
    });
  }
}
