import type { Digest } from '../model/digest.ts';

/** Registries that collect untagged blobs wait an hour or more: `reference/oci.md` §0. */
const LIFETIME_MS = 10 * 60_000;
const MAX_KNOWN = 50_000;

/**
 * Blobs that this process saw a short while ago, also after it wrote them, so that it need not ask for each again: the empty config belongs to
 * every manifest. A registry that then misses one refuses the manifest, and what is known of the repository is forgotten.
 */
export class KnownBlobs {
  readonly #since = new Map<string, number>();
  readonly #clock: () => number;

  /** @param clock milliseconds since the epoch. */
  constructor(clock: () => number = Date.now) {
    this.#clock = clock;
  }

  /** Whether the blob was there less than 10 minutes ago. */
  has(repository: string, digest: Digest): boolean {
    const since = this.#since.get(keyOf(repository, digest));
    return since !== undefined && this.#clock() - since < LIFETIME_MS;
  }

  /** The blob is there now. */
  add(repository: string, digest: Digest): void {
    const key = keyOf(repository, digest);
    this.#since.delete(key);
    this.#since.set(key, this.#clock());
    if (this.#since.size > MAX_KNOWN) {
      const [oldest = ''] = this.#since.keys();
      this.#since.delete(oldest);
    }
  }

  /** Nothing is known of a repository any more. */
  forget(repository: string): void {
    const prefix = `${repository}@`;
    for (const key of this.#since.keys()) {
      if (key.startsWith(prefix)) {
        this.#since.delete(key);
      }
    }
  }
}

function keyOf(repository: string, digest: Digest): string {
  return `${repository}@${digest}`;
}
