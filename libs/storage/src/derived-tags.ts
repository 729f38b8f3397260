import { isProxyError } from '@oci-package-proxy/errors';
import type { ManifestBytes, Repository } from '@oci-package-proxy/oci';

import type { LedgerLogger } from './package-ref.ts';

const REMEMBERED = 10_000;

/** What a derived tag is to say. */
export interface DerivedTag {
  readonly tag: string;
  readonly manifest: ManifestBytes;
  readonly signal?: AbortSignal | undefined;
}

/** Puts tags that are made of others. Readers do without them, and so a registry that lets none be replaced fails nothing. */
export class DerivedTags {
  readonly #logger: LedgerLogger;
  readonly #complained = new Set<string>();

  constructor(logger: LedgerLogger) {
    this.#logger = logger;
  }

  /**
   * @returns whether it was put; if not, something else stands there and stays, and the log says so, once.
   * @throws what the registry fails with otherwise.
   */
  async put(repository: Repository, { tag, manifest, signal }: DerivedTag): Promise<boolean> {
    try {
      await repository.writeManifest(manifest, { tag, signal });
      return true;
    } catch (error) {
      const refused = isProxyError(error, 'conflict') || isProxyError(error, 'storage-denied') || isProxyError(error, 'unsupported');
      if (!refused || (await repository.statManifest(tag, { signal })) === null) {
        throw error;
      }
      this.#complain(repository, tag, error);
      return false;
    }
  }

  #complain({ name }: Repository, tag: string, error: unknown): void {
    const key = `${name}:${tag}`;
    if (!this.#complained.has(key) && this.#complained.size < REMEMBERED) {
      this.#complained.add(key);
      this.#logger.warn({ repository: name, tag, err: error }, 'the registry does not let a derived tag be rewritten, and it falls behind; exclude tags that begin with _snapshot and _upstream from immutability');
    }
  }
}
