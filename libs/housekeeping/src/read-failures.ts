import { ProxyError } from '@oci-package-proxy/errors';

/** After so many failures with nothing read in between there is no store to read from. */
const MAX_FAILURES = 25;

/** Failed reads of one store. One says something of what was read; many in a row say that the store is away. */
export class ReadFailures {
  readonly #givenUp: string;
  readonly #readSoFar: () => number;
  #inARow = 0;
  #readAtFailure = -1;

  /**
   * @param givenUp what people are told when it is too many.
   * @param readSoFar grows with all that is read.
   */
  constructor(givenUp: string, readSoFar: () => number) {
    this.#givenUp = givenUp;
    this.#readSoFar = readSoFar;
  }

  /** Counts one. @throws ProxyError `storage-unavailable` when it was one too many. */
  add(message: string): void {
    this.#inARow = this.#readAtFailure === this.#readSoFar() ? this.#inARow + 1 : 1;
    this.#readAtFailure = this.#readSoFar();
    if (this.#inARow > MAX_FAILURES) {
      throw new ProxyError('storage-unavailable', `${this.#givenUp}. The last failure: ${message}`);
    }
  }
}
