/** When a circuit opens and for how long. */
export interface BreakerPolicy {
  /** So many failures in a row, with no answer between them, … */
  readonly failures: number;
  /** … within so many milliseconds open the circuit … */
  readonly windowMs: number;
  /** … for so many; each failed probe doubles it, up to `longestOpenMs`. */
  readonly openMs: number;
  readonly longestOpenMs: number;
}

/** Five failures within 30 s open it for 5 s, at most a minute. */
export const DEFAULT_BREAKER: BreakerPolicy = { failures: 5, windowMs: 30_000, openMs: 5_000, longestOpenMs: 60_000 };

/** `half-open`: one request is under way to find out. */
export type CircuitState = 'closed' | 'half-open' | 'open';

/** What may be done now: go on (and report how it went), or come back in `retryAfterMs`. */
export type Admission = { readonly admitted: true } | { readonly admitted: false; readonly retryAfterMs: number };

/** Keeps requests from an origin that does not answer. A status below 500 is an answer. */
export class CircuitBreaker {
  readonly #policy: BreakerPolicy;
  readonly #now: () => number;
  #failures = 0;
  #firstFailureAt = 0;
  #openUntil: number | null = null;
  #openMs: number;
  #probing = false;

  constructor(policy: BreakerPolicy, now: () => number) {
    this.#policy = policy;
    this.#now = now;
    this.#openMs = policy.openMs;
  }

  get state(): CircuitState {
    if (this.#openUntil === null) {
      return 'closed';
    }
    return this.#probing ? 'half-open' : 'open';
  }

  /** Asks for leave. Whoever is admitted calls `answered`, `failed` or `abandoned` afterwards, once. */
  admit(): Admission {
    if (this.#openUntil === null) {
      return { admitted: true };
    }
    const left = this.#openUntil - this.#now();
    if (left > 0) {
      return { admitted: false, retryAfterMs: left };
    }
    if (this.#probing) {
      return { admitted: false, retryAfterMs: 1_000 };
    }
    this.#probing = true;
    return { admitted: true };
  }

  /** The origin answered. */
  answered(): void {
    this.#failures = 0;
    this.#openUntil = null;
    this.#probing = false;
    this.#openMs = this.#policy.openMs;
  }

  /** The origin did not answer, or with a server error. */
  failed(): void {
    const now = this.#now();
    if (this.#openUntil !== null) {
      // Of requests that were under way when it opened, none says more than is known.
      if (this.#probing) {
        this.#probing = false;
        this.#openMs = Math.min(this.#policy.longestOpenMs, this.#openMs * 2);
        this.#openUntil = now + this.#openMs;
      }
      return;
    }
    if (this.#failures === 0 || now - this.#firstFailureAt > this.#policy.windowMs) {
      this.#failures = 0;
      this.#firstFailureAt = now;
    }
    this.#failures += 1;
    if (this.#failures >= this.#policy.failures) {
      this.#openUntil = now + this.#openMs;
    }
  }

  /** The caller went away before there was an answer. */
  abandoned(): void {
    this.#probing = false;
  }
}
