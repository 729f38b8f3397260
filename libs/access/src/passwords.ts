import { createHmac, randomBytes } from 'node:crypto';

import { LRUCache } from 'lru-cache';

import { BcryptQueue } from './bcrypt-queue.ts';
import { PasswordThrottle } from './password-throttle.ts';
import type { Users } from './users-file.ts';

const REMEMBER_MS = 60_000;
const MAX_REMEMBERED = 10_000;
const MAX_PASSWORD_LENGTH = 1024;

/** A name and a password, as they were shown. */
export interface Credentials {
  readonly name: string;
  readonly password: string;
  readonly clientAddress: string;
}

interface Comparison {
  /** The user's hash, or the decoy. */
  readonly compared: string;
  readonly isUser: boolean;
  /** Stands for name, password and hash. */
  readonly check: string;
}

/**
 * Checks passwords. bcrypt is slow on purpose, so what was right is remembered for 60 seconds, as an HMAC under a key that
 * only this process has; and who asks the same at the same time shares one check.
 */
export class Passwords {
  readonly #users: Users;
  readonly #clock: () => number;
  readonly #throttle: PasswordThrottle;
  readonly #bcrypt = new BcryptQueue();
  readonly #key = randomBytes(32);
  readonly #right = new LRUCache<string, number>({ max: MAX_REMEMBERED });
  readonly #running = new Map<string, Promise<boolean>>();

  constructor(users: Users, clock: () => number) {
    this.#users = users;
    this.#clock = clock;
    this.#throttle = new PasswordThrottle(clock);
  }

  /** Whether there is a user of this name here. */
  async isUser(name: string): Promise<boolean> {
    return (await this.#users.hashOf(name)) !== null;
  }

  /** Whether there is such a user with this password. @throws ProxyError `rate-limited` after many wrong ones, or under too many at once. */
  async areRight(credentials: Credentials): Promise<boolean> {
    const { name, password, clientAddress } = credentials;
    if (password === '' || password.length > MAX_PASSWORD_LENGTH) {
      return false;
    }
    const hash = await this.#users.hashOf(name);
    const compared = hash ?? this.#users.decoy();
    if (compared === null) {
      return false;
    }
    // With the hash in it: a changed password is asked for at once.
    const check = createHmac('sha256', this.#key).update(JSON.stringify([name, password, compared])).digest('base64');
    if (this.#clock() < (this.#right.get(check) ?? 0)) {
      return true;
    }
    const flight = `${check} ${clientAddress}`;
    const running = this.#running.get(flight) ?? this.#check(credentials, { compared, isUser: hash !== null, check });
    this.#running.set(flight, running);
    try {
      return await running;
    } finally {
      this.#running.delete(flight);
    }
  }

  /** Forgets what was right. */
  forget(): void {
    this.#right.clear();
  }

  async #check({ name, password, clientAddress }: Credentials, { compared, isUser, check }: Comparison): Promise<boolean> {
    const attempt = { name, address: clientAddress, mark: check };
    const right = await this.#throttle.attempt(attempt, async () => (await this.#bcrypt.matches(password, compared)) && isUser);
    if (right) {
      this.#right.set(check, this.#clock() + REMEMBER_MS);
    }
    return right;
  }
}
