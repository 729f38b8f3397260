import bcrypt from 'bcryptjs';

import { ProxyError } from '@oci-package-proxy/errors';

// bcrypt works on the one thread that also answers everybody else, in slices of up to 100 ms.
const AT_ONCE = 2;
const LONGEST_QUEUE = 64;

/** Compares passwords with bcrypt hashes, a few at a time. */
export class BcryptQueue {
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** Whether `password` has `hash`. @throws ProxyError `rate-limited` when too many wait already. */
  async matches(password: string, hash: string): Promise<boolean> {
    await this.#turn();
    try {
      return await bcrypt.compare(password, hash);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) {
        this.#running -= 1;
      } else {
        // The turn passes on, so that nobody who comes now can take it.
        next();
      }
    }
  }

  async #turn(): Promise<void> {
    if (this.#running < AT_ONCE) {
      this.#running += 1;
      return;
    }
    if (this.#waiting.length >= LONGEST_QUEUE) {
      throw new ProxyError('rate-limited', 'Too many sign-ins at once. Try again in a moment.', { retryAfterMs: 2_000 });
    }
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
    });
  }
}
