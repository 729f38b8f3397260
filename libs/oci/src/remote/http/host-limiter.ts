import type { Lane } from './exchange.ts';
import { type Release, Semaphore } from './semaphore.ts';

interface HostPlaces {
  readonly all: Semaphore;
  readonly uploads: Semaphore;
}

/**
 * Bounds the requests that one host works on at a time. A place is held until the answer's headers are there, so a
 * slow reader of a body keeps nobody out. Uploads take at most half of the places: reads go on beside them. Token
 * requests take none: whoever asks for a token may hold a place already, and there are no more of them than places.
 */
export class HostLimiter {
  readonly #hosts = new Map<string, HostPlaces>();
  readonly #places: number;

  constructor(places: number) {
    this.#places = places;
  }

  /** Runs `work` when `host` has a place. @throws ProxyError `aborted` when `signal` fires before. */
  async run<T>(host: string, options: { lane: Lane; signal: AbortSignal | undefined; subject: string }, work: () => Promise<T>): Promise<T> {
    if (options.lane === 'token') {
      return work();
    }
    const places = this.#placesOf(host);
    const held: Release[] = [];
    try {
      if (options.lane === 'upload') {
        held.push(await places.uploads.acquire(options.signal, options.subject));
      }
      held.push(await places.all.acquire(options.signal, options.subject));
      return await work();
    } finally {
      for (const release of held) {
        release();
      }
      if (places.all.idle && places.uploads.idle) {
        this.#hosts.delete(host);
      }
    }
  }

  #placesOf(host: string): HostPlaces {
    const known = this.#hosts.get(host);
    if (known !== undefined) {
      return known;
    }
    const places: HostPlaces = { all: new Semaphore(this.#places), uploads: new Semaphore(Math.max(1, Math.floor(this.#places / 2))) };
    this.#hosts.set(host, places);
    return places;
  }
}
