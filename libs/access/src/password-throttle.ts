import { ProxyError } from '@oci-package-proxy/errors';
import { LRUCache } from 'lru-cache';

const FREE_ATTEMPTS = 5;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 5 * 60_000;
/** After this long without another wrong password, all is forgotten. */
const FORGET_MS = 15 * 60_000;
const MAX_KEYS = 20_000;
const MAX_RIGHT = 10_000;
/** Of one user from one address. */
const MAX_MARKS = 64;
const MAX_WAITING = 128;
const LONGEST_WAIT_MS = 15_000;

/** Who tries to sign in, with what. */
export interface SignInAttempt {
  readonly name: string;
  readonly address: string;
  /** Stands for name and password. */
  readonly mark: string;
}

interface Wrong {
  readonly count: number;
  readonly lastAt: number;
  readonly marks: readonly string[];
}

interface Turns {
  underWay: number;
  readonly waiting: (() => void)[];
}

/**
 * Slows down who guesses passwords: after five wrong ones of a user from an address, pauses that double, up to 5 minutes. Many may share
 * both, as the jobs of a CI do behind one address with tokens of one user name. So a right password counts nothing, a wrong one counts
 * once, however often it is shown, and what was right before has nothing to wait for.
 */
export class PasswordThrottle {
  readonly #wrong = new LRUCache<string, Wrong>({ max: MAX_KEYS });
  readonly #right = new LRUCache<string, true>({ max: MAX_RIGHT });
  readonly #turns = new Map<string, Turns>();
  readonly #clock: () => number;

  /** @param clock milliseconds since the epoch. */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /**
   * What `check` says: whether the password is right. A check that fails says nothing about it, and does not count.
   * @throws ProxyError `rate-limited` while a pause lasts, or when too many wait; what `check` throws.
   */
  async attempt({ name, address, mark }: SignInAttempt, check: () => Promise<boolean>): Promise<boolean> {
    const key = JSON.stringify([name.slice(0, 255), address]);
    // It guesses nothing. Nor does it show that whoever guesses meanwhile has stopped, so that it ends no pause.
    if (this.#right.get(mark) === true) {
      return this.#counted(key, mark, await check());
    }
    await this.#enter(key);
    try {
      const right = this.#counted(key, mark, await check());
      if (right) {
        this.#wrong.delete(key);
      }
      return right;
    } finally {
      this.#leave(key);
    }
  }

  /** Waits until so few are under way that, should all of them be wrong, the free attempts are just used up. */
  async #enter(key: string): Promise<void> {
    const since = this.#clock();
    for (;;) {
      const count = this.#countAfterPause(key);
      const turns = this.#turns.get(key) ?? { underWay: 0, waiting: [] };
      if (turns.underWay < Math.max(1, FREE_ATTEMPTS - count)) {
        turns.underWay += 1;
        this.#turns.set(key, turns);
        return;
      }
      if (turns.waiting.length >= MAX_WAITING || this.#clock() - since > LONGEST_WAIT_MS) {
        throw new ProxyError('rate-limited', 'Too many sign-ins of this user from this address at once. Try again in a moment.', { retryAfterMs: 2_000 });
      }
      await new Promise<void>((resolve) => {
        turns.waiting.push(resolve);
      });
    }
  }

  #leave(key: string): void {
    const turns = this.#turns.get(key);
    if (turns === undefined) {
      return;
    }
    turns.underWay -= 1;
    if (turns.underWay === 0) {
      this.#turns.delete(key);
    }
    // Each looks again: there may be room for none, one or all of them, or a pause.
    for (const wake of turns.waiting.splice(0)) {
      wake();
    }
  }

  /** How many wrong ones there were. @throws ProxyError `rate-limited` while a pause lasts. */
  #countAfterPause(key: string): number {
    const { count, lastAt } = this.#wrongOf(key);
    const waitMs = lastAt + pauseAfter(count) - this.#clock();
    if (waitMs > 0) {
      throw new ProxyError('rate-limited', 'Too many wrong passwords for this user from this address. Wait, and check the password.', { retryAfterMs: waitMs });
    }
    return count;
  }

  #counted(key: string, mark: string, right: boolean): boolean {
    if (right) {
      this.#right.set(mark, true);
      return true;
    }
    this.#right.delete(mark);
    const { count, marks } = this.#wrongOf(key);
    // A job that goes on showing an expired token guesses nothing.
    if (!marks.includes(mark)) {
      this.#wrong.set(key, { count: count + 1, lastAt: this.#clock(), marks: [...marks, mark].slice(-MAX_MARKS) });
    }
    return false;
  }

  #wrongOf(key: string): Wrong {
    const wrong = this.#wrong.get(key);
    return wrong === undefined || this.#clock() - wrong.lastAt > FORGET_MS ? { count: 0, lastAt: 0, marks: [] } : wrong;
  }
}

function pauseAfter(count: number): number {
  return count < FREE_ATTEMPTS ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** (count - FREE_ATTEMPTS), LONGEST_PAUSE_MS);
}
