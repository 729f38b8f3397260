import type { Credential, CredentialSource } from '../credentials.ts';

/** A refresh begins this long before the end, or in the last quarter of a shorter life. */
const EARLY_MS = 15 * 60_000;
const LAST_MS = 10_000;
/** After a refresh that failed, while the old credential is still good. */
const AGAIN_MS = 30_000;
/** A refused credential that is younger than this is not replaced: another would be refused as well. */
const YOUNG_MS = 60_000;

/** A credential as a cloud gave it. */
export interface IssuedCredential {
  readonly credential: Credential;
  readonly lifetimeMs: number;
}

interface Held {
  readonly credential: Credential;
  readonly since: number;
  readonly refreshAt: number;
  readonly until: number;
}

/**
 * A credential that expires: got when it is first needed, replaced before its end while the old one still serves, one
 * request at a time whoever waits. When a refresh fails, the old one is used to its end.
 */
export class RefreshedCredential implements CredentialSource {
  readonly #issue: () => Promise<IssuedCredential>;
  readonly #clock: () => number;
  #held: Held | null = null;
  #flight: Promise<Held> | null = null;
  #failedAt = Number.NEGATIVE_INFINITY;

  /** @param clock milliseconds since the epoch. */
  constructor(issue: () => Promise<IssuedCredential>, clock: () => number = Date.now) {
    this.#issue = issue;
    this.#clock = clock;
  }

  /** @throws ProxyError as `issue` does, when there is no credential that is still good. */
  async credentialFor(): Promise<Credential> {
    const now = this.#clock();
    const held = this.#held;
    if (held === null || now >= held.until) {
      const fresh = await this.#refresh();
      return { ...fresh.credential, askAgainAt: fresh.refreshAt };
    }
    if (now < held.refreshAt) {
      return { ...held.credential, askAgainAt: held.refreshAt };
    }
    if (now - this.#failedAt >= AGAIN_MS) {
      // Nobody waits for it: what it fails with shows when the old one is over.
      this.#refresh().catch(() => undefined);
    }
    return { ...held.credential, askAgainAt: Math.min(held.until, now + AGAIN_MS) };
  }

  refused(): void {
    if (this.#held !== null && this.#clock() - this.#held.since >= YOUNG_MS) {
      this.#held = null;
    }
  }

  async #refresh(): Promise<Held> {
    this.#flight ??= this.#fetched();
    return this.#flight;
  }

  async #fetched(): Promise<Held> {
    const since = this.#clock();
    try {
      const { credential, lifetimeMs } = await this.#issue();
      const until = since + lifetimeMs - Math.min(LAST_MS, lifetimeMs / 4);
      this.#held = { credential, since, until, refreshAt: since + lifetimeMs - Math.min(EARLY_MS, lifetimeMs / 4) };
      return this.#held;
    } catch (error) {
      this.#failedAt = this.#clock();
      throw error;
    } finally {
      this.#flight = null;
    }
  }
}
