import { bufferBlob, EMPTY_BYTES, isTagDeleter, type ManifestBytes, type Registry, type Repository } from '@oci-package-proxy/oci';

import type { Aliases } from './aliases.ts';
import type { Changes } from './changes.ts';
import type { LedgerCall } from './ledger-port.ts';
import { confirmListed, putOnce } from './listed-writes.ts';
import { withLostParts } from './lost-parts.ts';
import { markerManifest } from './marker.ts';
import type { PackageMutex } from './package-mutex.ts';
import type { LedgerLogger, PackageRef } from './package-ref.ts';
import { deletionTag } from './tags.ts';
import { ANNOTATIONS, LEDGER_TYPES } from './vendor.ts';
import { putting, sayingOutcome, type WriteProgress } from './write-outcome.ts';

const OUTCOMES = { nothing: 'Nothing was deleted; try again when storage takes writes.', unknown: 'Whether it was deleted is not known: do the same again.' };

type DeleteCall = LedgerCall & { readonly by: string };

/** What {@link Deletions} needs. */
export interface DeletionsOptions {
  readonly registry: Registry;
  readonly changes: Changes;
  readonly aliases: Aliases;
  readonly mutex: PackageMutex;
  readonly logger: LedgerLogger;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

/** Deletes facts for good, by a tag that hides each. */
export class Deletions {
  readonly #options: DeletionsOptions;

  constructor(options: DeletionsOptions) {
    this.#options = options;
  }

  /** `LedgerPublisher.delete` */
  async delete(ref: PackageRef, tags: readonly string[], call: DeleteCall): Promise<readonly string[]> {
    if (tags.length === 0) {
      return [];
    }
    const { mutex, changes } = this.#options;
    return mutex.run(ref.repository, () => changes.announced(ref, () => sayingOutcome(OUTCOMES, (progress) => this.#delete(ref, tags, { ...call, progress }))), call.signal);
  }

  async #delete(ref: PackageRef, tags: readonly string[], { progress, ...call }: DeleteCall & { readonly progress: WriteProgress }): Promise<readonly string[]> {
    const repository = this.#options.registry.repository(ref.repository);
    const written = new Map<string, ManifestBytes>();
    for (const tag of new Set(tags)) {
      const hiding = deletionTag(tag);
      const manifest = this.#manifestOf(hiding, tag, call.by);
      if ((await repository.statManifest(hiding, { signal: call.signal })) === null) {
        await withLostParts(`the deletion of ${tag}`, async () => {
          await repository.writeBlob(bufferBlob(EMPTY_BYTES), { signal: call.signal });
          await putting(progress, () => putOnce(repository, { tag: hiding, manifest, signal: call.signal }));
        });
      }
      written.set(hiding, manifest);
    }
    await confirmListed(repository, { written, signal: call.signal });
    return this.#remove(repository, tags, call);
  }

  #manifestOf(hiding: string, tag: string, by: string): ManifestBytes {
    return markerManifest(LEDGER_TYPES.deletion, hiding, {
      [ANNOTATIONS.deletes]: tag,
      [ANNOTATIONS.by]: by,
      [ANNOTATIONS.created]: new Date(this.#options.clock()).toISOString(),
    });
  }

  // Hygiene: what is hidden stays hidden whether or not the registry can remove it.
  async #remove(repository: Repository, tags: readonly string[], call: DeleteCall): Promise<readonly string[]> {
    const { aliases, logger } = this.#options;
    if (!isTagDeleter(repository)) {
      return tags;
    }
    const left: string[] = [];
    for (const tag of new Set(tags)) {
      try {
        await aliases.remove(repository, tag, call);
        if (!(await repository.deleteTag(tag, { signal: call.signal }))) {
          left.push(tag);
        }
      } catch (error) {
        left.push(tag);
        logger.warn({ repository: repository.name, tag, err: error }, 'a deleted version is hidden, but its tag could not be removed');
      }
    }
    return left;
  }
}
