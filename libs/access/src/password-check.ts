import { createHmac, randomBytes } from 'node:crypto';

import { compare } from 'bcryptjs';
import { LRUCache } from 'lru-cache';

import { ProxyError } from '@oci-package-proxy/errors';

import type { UsersFile } from './users-file.ts';

const REMEMBER_MS = 60_000;
const REMEMBERED = 10_000;
/** Comparisons at a time; they share the event loop with everything else. */
const AT_ONCE = 2;
const WAITING = 64;
const FREE_FAILURES = 5;
const LONGEST_LOCK_MS = 60_000;
// Of no password: an unknown user costs what a known one does.
const NOBODY = '$2b$10$CwTycUXWue0Thq9StjUM0uJ8.1dVZ.1rQzXwHxJ9u6o5rrJcO3m0u';

interface Failures {
  readonly count: number;
  readonly until: number;
}

/** Checks passwords against a users file, slowly only once a minute, and ever more slowly for whoever guesses. */
export class PasswordCheck {
  readonly #users: UsersFile | null;
  readonly #clock: () => number;
  readonly #key = randomBytes(32);
  readonly #known: LRUCache<string, true>;
  readonly #failures = new LRUCache<string, Failures>({ max: REMEMBERED });
  readonly #running = new Map<string, Promise<boolean>>();
  readonly #queue: (() => void)[] = [];
  #active = 0;

  constructor(users: UsersFile | null, clock: () => number) {
    this.#users = users;
    this.#clock = clock;
    this.#known = new LRUCache<string, true>({ max: REMEMBERED, ttl: REMEMBER_MS, perf: { now: clock } });
  }

  /** Whether there is such a user at all. */
  async isUser(name: string): Promise<boolean> {
    return (await this.#users?.hashOf(name)) != null;
  }

  /**
   * Whether `password` is that of the user `name`.
   * @param address of the client, for the lock after wrong guesses.
   * @throws ProxyError `rate-limited` after too many wrong guesses, or while too many are being checked.
   */
  async verify(name: string, password: string, address: string): Promise<boolean> {
    const hash = (await this.#users?.hashOf(name)) ?? null;
    // A new password in the file makes another key, and so what was remembered is forgotten with it.
    const fingerprint = createHmac('sha256', this.#key).update(JSON.stringify([name, password, hash])).digest('base64');
    if (this.#known.has(fingerprint)) {
      return true;
    }
    const lock = `${name}\0${address}`;
    this.#refuseLocked(lock);
    const right = await this.#once(fingerprint, async () => (await compare(password, hash ?? NOBODY)) && hash !== null);
    if (right) {
      this.#known.set(fingerprint, true);
      this.#failures.delete(lock);
    } else {
      this.#punish(lock);
    }
    return right;
  }

  #refuseLocked(lock: string): void {
    const wait = (this.#failures.get(lock)?.until ?? 0) - this.#clock();
    if (wait > 0) {
      throw new ProxyError('rate-limited', 'Too many wrong passwords. Wait and try again.', { retryAfterMs: wait });
    }
  }

  #punish(lock: string): void {
    const count = (this.#failures.get(lock)?.count ?? 0) + 1;
    const lockMs = count < FREE_FAILURES ? 0 : Math.min(LONGEST_LOCK_MS, 1000 * 2 ** (count - FREE_FAILURES));
    this.#failures.set(lock, { count, until: this.#clock() + lockMs });
  }

  async #once(fingerprint: string, check: () => Promise<boolean>): Promise<boolean> {
    let running = this.#running.get(fingerprint);
    if (running === undefined) {
      running = this.#limited(check).finally(() => this.#running.delete(fingerprint));
      this.#running.set(fingerprint, running);
    }
    return running;
  }

  async #limited(check: () => Promise<boolean>): Promise<boolean> {
    if (this.#queue.length >= WAITING) {
      throw new ProxyError('rate-limited', 'Too many passwords are being checked. Try again, or use a token.', { retryAfterMs: 2000 });
    }
    if (this.#active >= AT_ONCE) {
      await new Promise<void>((resolve) => this.#queue.push(resolve));
    }
    this.#active += 1;
    try {
      return await check();
    } finally {
      this.#active -= 1;
      this.#queue.shift()?.();
    }
  }
}
