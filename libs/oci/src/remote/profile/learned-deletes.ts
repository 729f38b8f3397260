/** A registry's operator may switch deletes on meanwhile. */
const LIFETIME_MS = 60 * 60_000;

/** A way to remove a tag. */
export type DeleteWay = 'tag' | 'digest';

/**
 * Which ways to remove tags a registry turned out not to have, for an hour. What it refuses to our credential is never learned:
 * that is a right, and may be given at any moment.
 */
export class LearnedDeletes {
  readonly #since = new Map<DeleteWay, number>();
  readonly #clock: () => number;

  /** @param clock milliseconds since the epoch. */
  constructor(clock: () => number = Date.now) {
    this.#clock = clock;
  }

  /** Whether the registry said less than an hour ago that it does not do this. */
  lacks(way: DeleteWay): boolean {
    const since = this.#since.get(way);
    return since !== undefined && this.#clock() - since < LIFETIME_MS;
  }

  /** The registry does not do this. */
  learn(way: DeleteWay): void {
    this.#since.set(way, this.#clock());
  }
}
