import type { IssuedToken } from './token-request.ts';

const MARGIN_MS = 10_000;

interface Entry {
  readonly token: Promise<string>;
  /** `null` while the token is being fetched. */
  usableUntil: number | null;
}

/** Bearer tokens by key, least recently used dropped first. Everybody who asks while a token is fetched shares the flight. */
export class TokenCache {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: () => number;
  readonly #capacity: number;

  constructor(options: { clock: () => number; capacity: number }) {
    this.#clock = options.clock;
    this.#capacity = options.capacity;
  }

  /** The token of `own` or of one of `wider` that is still good, else what `fetch` gets for `own`. */
  async get(own: string, wider: readonly string[], fetch: () => Promise<IssuedToken>): Promise<string> {
    for (const key of [own, ...wider]) {
      const entry = this.#entries.get(key);
      if (entry === undefined) {
        continue;
      }
      // A wider token that is only being fetched is not waited for: it may be refused where the narrow one is not.
      const good = entry.usableUntil === null ? key === own : entry.usableUntil > this.#clock();
      if (good) {
        this.#entries.delete(key);
        this.#entries.set(key, entry);
        return entry.token;
      }
    }
    return this.#fetch(own, fetch);
  }

  /** Drops `token` from `key`, unless another one took its place already. */
  async refuse(key: string, token: string): Promise<void> {
    const entry = this.#entries.get(key);
    const held = await entry?.token.catch(() => null);
    if (entry !== undefined && held === token && this.#entries.get(key) === entry) {
      this.#entries.delete(key);
    }
  }

  async #fetch(key: string, fetch: () => Promise<IssuedToken>): Promise<string> {
    // Counted from the question: the answer may have been long on its way.
    const asked = this.#clock();
    const flight = fetch();
    const entry: Entry = { token: flight.then((issued) => issued.token), usableUntil: null };
    // The failure is reported by `flight` below; without a listener of its own this promise would end the process.
    entry.token.catch(() => undefined);
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    this.#trim();
    try {
      const { lifetimeMs } = await flight;
      entry.usableUntil = asked + lifetimeMs - Math.min(MARGIN_MS, lifetimeMs / 4);
      return await entry.token;
    } catch (error) {
      if (this.#entries.get(key) === entry) {
        this.#entries.delete(key);
      }
      throw error;
    }
  }

  #trim(): void {
    for (const key of this.#entries.keys()) {
      if (this.#entries.size <= this.#capacity) {
        return;
      }
      this.#entries.delete(key);
    }
  }
}
