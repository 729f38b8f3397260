import { ProxyError } from '@oci-package-proxy/errors';
import { LRUCache } from 'lru-cache';

/** How a {@link RememberedAnswers} keeps. */
export interface RememberedOptions<T> {
  /** How long an answer counts, in milliseconds from when it was asked for. */
  readonly keepMs: (answer: T) => number;
  /** Answers kept at most; the least used go first. */
  readonly capacity: number;
  /** Questions under way at most. */
  readonly atOnce: number;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

interface Remembered<T> {
  readonly answer: T;
  readonly until: number;
}

/** Answers that count for a while; who asks the same at the same time shares one question. A question that fails is no answer. */
export class RememberedAnswers<T> {
  readonly #options: RememberedOptions<T>;
  readonly #known: LRUCache<string, Remembered<T>>;
  readonly #running = new Map<string, Promise<T>>();

  constructor(options: RememberedOptions<T>) {
    this.#options = options;
    this.#known = new LRUCache({ max: options.capacity });
  }

  /**
   * The answer to what `key` stands for.
   * @param flight stands for the question instead, where not everybody who asks the same may share it.
   * @throws ProxyError `rate-limited` when too many questions are under way; what `ask` throws.
   */
  async get(key: string, ask: () => Promise<T>, flight: string = key): Promise<T> {
    const known = this.#known.get(key);
    if (known !== undefined && this.#options.clock() < known.until) {
      return known.answer;
    }
    const running = this.#running.get(flight);
    if (running !== undefined) {
      return running;
    }
    if (this.#running.size >= this.#options.atOnce) {
      throw new ProxyError('rate-limited', 'Too many questions to the registry at once. Try again in a moment.', { retryAfterMs: 2_000 });
    }
    const asked = this.#ask(key, ask);
    this.#running.set(flight, asked);
    try {
      return await asked;
    } finally {
      this.#running.delete(flight);
    }
  }

  /** Forgets all. */
  clear(): void {
    this.#known.clear();
  }

  async #ask(key: string, ask: () => Promise<T>): Promise<T> {
    // Counted from the question: what it is about may change while the answer is on its way.
    const askedAt = this.#options.clock();
    const answer = await ask();
    this.#known.set(key, { answer, until: askedAt + this.#options.keepMs(answer) });
    return answer;
  }
}
