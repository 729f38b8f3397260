import type { Credential, CredentialSource } from './credentials.ts';

const KEPT_MS = 600_000;
/** Shorter: somebody may just be signing in. */
const NONE_KEPT_MS = 10_000;

/** One host's credential, kept for 10 minutes (that there is none, for 10 seconds): credential helpers are programs, and what they give expires. */
export class CredentialCache {
  readonly #source: CredentialSource;
  readonly #host: string;
  readonly #clock: () => number;
  #held: { readonly credential: Promise<Credential | null>; readonly since: number; until: number } | null = null;

  constructor(source: CredentialSource, host: string, clock: () => number) {
    this.#source = source;
    this.#host = host;
    this.#clock = clock;
  }

  /** The credential, or `null`. @throws ProxyError `config` as the source does. */
  async get(): Promise<Credential | null> {
    if (this.#held === null || this.#held.until <= this.#clock()) {
      const since = this.#clock();
      this.#held = { credential: this.#source.credentialFor(this.#host), since, until: since + KEPT_MS };
    }
    const held = this.#held;
    try {
      const credential = await held.credential;
      held.until = Math.min(held.until, credential === null ? held.since + NONE_KEPT_MS : (credential.askAgainAt ?? held.until));
      return credential;
    } catch (error) {
      this.#drop(held);
      throw error;
    }
  }

  /** The registry refused it: the next call asks the source again. */
  forget(): void {
    this.#held = null;
    this.#source.refused?.();
  }

  #drop(held: object): void {
    if (this.#held === held) {
      this.#held = null;
    }
  }
}
