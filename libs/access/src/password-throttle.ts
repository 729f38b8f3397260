import { ProxyError } from '@oci-package-proxy/errors';
import { LRUCache } from 'lru-cache';

const FREE_ATTEMPTS = 5;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 5 * 60_000;
/** After this long without an attempt, all is forgotten. */
const FORGET_MS = 15 * 60_000;
const MAX_KEYS = 20_000;

interface Attempts {
  readonly count: number;
  readonly lastAt: number;
}

/** Slows down who guesses passwords: after five wrong ones of a user from an address, pauses that double, up to 5 minutes. */
export class PasswordThrottle {
  readonly #attempts = new LRUCache<string, Attempts>({ max: MAX_KEYS });
  readonly #clock: () => number;

  /** @param clock milliseconds since the epoch. */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /**
   * Counts an attempt before it is known how it ends, so that many at once do not all count as the first.
   * @throws ProxyError `rate-limited` while a pause lasts.
   */
  enter(name: string, address: string): void {
    const key = keyOf(name, address);
    const now = this.#clock();
    const before = this.#attempts.get(key);
    const count = before === undefined || now - before.lastAt > FORGET_MS ? 0 : before.count;
    const waitMs = before === undefined ? 0 : before.lastAt + pauseAfter(count) - now;
    if (waitMs > 0) {
      throw new ProxyError('rate-limited', 'Too many wrong passwords for this user from this address. Wait, and check the password.', { retryAfterMs: waitMs });
    }
    this.#attempts.set(key, { count: count + 1, lastAt: now });
  }

  /** The password was right. */
  succeeded(name: string, address: string): void {
    this.#attempts.delete(keyOf(name, address));
  }

  /** The attempt said nothing about the password. */
  undo(name: string, address: string): void {
    const key = keyOf(name, address);
    const before = this.#attempts.get(key);
    if (before !== undefined) {
      this.#attempts.set(key, { ...before, count: before.count - 1 });
    }
  }
}

function keyOf(name: string, address: string): string {
  return JSON.stringify([name.slice(0, 255), address]);
}

function pauseAfter(count: number): number {
  return count < FREE_ATTEMPTS ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** (count - FREE_ATTEMPTS), LONGEST_PAUSE_MS);
}
