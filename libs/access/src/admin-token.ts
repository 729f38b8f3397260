import { hashOf, sameHash } from './token-text.ts';

/** The bootstrap token with every right; nobody has it where none is set. */
export class AdminToken {
  readonly #hash: string | null;

  constructor(token: string | null) {
    this.#hash = token === null ? null : hashOf(token);
  }

  get exists(): boolean {
    return this.#hash !== null;
  }

  /** Whether `text` is the token; takes as long whatever it is. */
  is(text: string): boolean {
    return this.#hash !== null && sameHash(hashOf(text), this.#hash);
  }
}
