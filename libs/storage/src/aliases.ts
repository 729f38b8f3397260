import type { ManifestBytes, Repository, TagDeleter } from '@oci-package-proxy/oci';

import { aliasesIn } from './fact-decoding.ts';
import type { LedgerCall } from './ledger-port.ts';
import { putOnce } from './listed-writes.ts';
import type { LedgerLogger } from './package-ref.ts';

/** The further tags of facts. Nothing of ours reads them, and so a missing one never fails anything. */
export class Aliases {
  readonly #logger: LedgerLogger;

  constructor(logger: LedgerLogger) {
    this.#logger = logger;
  }

  /**
   * Puts what stands under a fact's tag under its further tags too, where nothing is. Those that it names itself: any other one would
   * be taken for somebody else's push, and would outlive the fact.
   */
  async put(repository: Repository, tag: string, { standing, signal }: { readonly standing: ManifestBytes; readonly signal?: AbortSignal | undefined }): Promise<void> {
    for (const alias of aliasesIn(standing)) {
      const fields = { repository: repository.name, tag, alias };
      try {
        const digest = await repository.statManifest(alias, { signal });
        if (digest === null) {
          await putOnce(repository, { tag: alias, manifest: standing, signal });
        } else if (digest !== standing.digest) {
          this.#logger.warn({ ...fields, digest }, 'a further tag of a version holds something else; it stays');
        }
      } catch (error) {
        this.#logger.warn({ ...fields, err: error }, 'a version is stored, but not under its further tag; publish it again to add that');
      }
    }
  }

  /** Removes the further tags of a fact that is about to be removed. @throws what the registry throws. */
  async remove(repository: Repository & TagDeleter, tag: string, { signal }: LedgerCall): Promise<void> {
    const stored = await repository.readManifest(tag, { signal });
    for (const alias of stored === null ? [] : aliasesIn(stored)) {
      if ((await repository.statManifest(alias, { signal })) === stored?.digest) {
        await repository.deleteTag(alias, { signal });
      }
    }
  }
}
