import { abortedError, throwIfAborted } from './abort.ts';

/** Gives a place back; calling it again does nothing. */
export type Release = () => void;

interface Waiter {
  readonly admit: () => void;
}

/** A number of places, given out in the order in which they were asked for. */
export class Semaphore {
  readonly #waiting = new Set<Waiter>();
  #free: number;
  readonly #places: number;

  constructor(places: number) {
    this.#places = places;
    this.#free = places;
  }

  /** Whether nobody holds or waits for a place. */
  get idle(): boolean {
    return this.#free === this.#places && this.#waiting.size === 0;
  }

  /** Waits for a place. @throws ProxyError `aborted` when `signal` fires before there is one. */
  async acquire(signal: AbortSignal | undefined, subject: string): Promise<Release> {
    throwIfAborted(signal, subject);
    if (this.#free > 0) {
      this.#free -= 1;
      return this.#release();
    }
    await this.#turn(signal, subject);
    return this.#release();
  }

  async #turn(signal: AbortSignal | undefined, subject: string): Promise<void> {
    const turn = Promise.withResolvers<void>();
    const waiter: Waiter = { admit: turn.resolve };
    const giveUp = (): void => {
      // A waiter that is no longer in the set was admitted already: its place is used, and given back, as usual.
      if (this.#waiting.delete(waiter)) {
        turn.reject(abortedError(subject, signal));
      }
    };
    this.#waiting.add(waiter);
    signal?.addEventListener('abort', giveUp, { once: true });
    try {
      await turn.promise;
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  }

  #release(): Release {
    let held = true;
    return () => {
      if (!held) {
        return;
      }
      held = false;
      this.#hand();
    };
  }

  #hand(): void {
    for (const waiter of this.#waiting) {
      this.#waiting.delete(waiter);
      waiter.admit();
      return;
    }
    this.#free += 1;
  }
}
