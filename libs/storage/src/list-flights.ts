import type { PackageRef } from './package-ref.ts';

/** A list on its way, and what is made of it. */
export interface Flight {
  /** The package changed since it began: it still serves those who asked before, and nobody after. */
  readonly outdated: boolean;
}

interface Running<T> {
  readonly promise: Promise<T>;
  outdated: boolean;
  begun: boolean;
}

/**
 * One list a package at a time, and at most one waiting behind it, however many ask. Whoever asks for a fresh one, or asks
 * after a change, gets one that had not begun when they asked.
 */
export class ListFlights<T> {
  readonly #work: (ref: PackageRef, flight: Flight) => Promise<T>;
  readonly #running = new Map<string, Running<T>>();
  readonly #waiting = new Map<string, Promise<T>>();

  constructor(work: (ref: PackageRef, flight: Flight) => Promise<T>) {
    this.#work = work;
  }

  /** What a list that may serve this caller comes to. */
  async join(ref: PackageRef, { fresh }: { readonly fresh: boolean }): Promise<T> {
    const running = this.#running.get(ref.repository);
    if (running !== undefined && (!running.begun || (!fresh && !running.outdated))) {
      return running.promise;
    }
    const waiting = this.#waiting.get(ref.repository);
    if (waiting !== undefined) {
      return waiting;
    }
    return running === undefined ? this.#start(ref) : this.#wait(ref, running.promise);
  }

  /** No list of the package that has begun serves anybody who asks from now on. */
  outdate(repository: string): void {
    const running = this.#running.get(repository);
    if (running?.begun === true) {
      running.outdated = true;
    }
  }

  /** The same for every package. */
  outdateAll(): void {
    for (const repository of this.#running.keys()) {
      this.outdate(repository);
    }
  }

  #start(ref: PackageRef): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const flight: Running<T> = { promise, outdated: false, begun: false };
    this.#running.set(ref.repository, flight);
    // All may have gone away by the time it fails.
    promise.catch(() => undefined);
    // Begins a moment later, so that callers of the same moment share it, fresh ones too.
    queueMicrotask(() => {
      flight.begun = true;
      this.#work(ref, flight).finally(() => this.#running.delete(ref.repository)).then(resolve, reject);
    });
    return promise;
  }

  #wait(ref: PackageRef, running: Promise<T>): Promise<T> {
    const begin = (): Promise<T> => {
      this.#waiting.delete(ref.repository);
      return this.#start(ref);
    };
    const waiting = running.then(begin, begin);
    this.#waiting.set(ref.repository, waiting);
    waiting.catch(() => undefined);
    return waiting;
  }
}
