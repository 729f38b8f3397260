import { ProxyError } from '@oci-package-proxy/errors';
import { isTagCreator, type ManifestBytes, type Registry, type Repository } from '@oci-package-proxy/oci';

import type { Catalogue } from './catalogue.ts';
import type { Changes } from './changes.ts';
import { encodeFact } from './fact-manifest.ts';
import { checkFact, writeFactParts } from './fact-parts.ts';
import type { NewFact } from './fact.ts';
import type { IngestOutcome, LedgerCall } from './ledger-port.ts';
import { withLostParts } from './lost-parts.ts';
import type { Origins } from './origin.ts';
import type { PackageFolds } from './package-folds.ts';
import type { LedgerLogger, PackageRef } from './package-ref.ts';
import { lookUpFact } from './stored-fact.ts';

const ATTEMPTS = 4;

/** What {@link Ingester} needs. */
export interface IngesterOptions {
  readonly registry: Registry;
  readonly folds: PackageFolds;
  readonly origins: Origins;
  readonly catalogue: Catalogue;
  readonly changes: Changes;
  readonly logger: LedgerLogger;
}

/** Stores what was pulled through. Rivals bring the same verified bytes, and so nothing has to be decided between them. */
export class Ingester {
  readonly #options: IngesterOptions;

  constructor(options: IngesterOptions) {
    this.#options = options;
  }

  /** `LedgerIngester.ingest` */
  async ingest(ref: PackageRef, fact: NewFact, call: LedgerCall = {}): Promise<IngestOutcome> {
    checkFact(ref, fact);
    return this.#options.changes.around(ref, () => this.#ingest(ref, fact, call));
  }

  async #ingest(ref: PackageRef, fact: NewFact, call: LedgerCall): Promise<IngestOutcome> {
    const { registry, origins, catalogue, changes } = this.#options;
    if ((await origins.decide(ref, 'upstream', call)) !== 'upstream') {
      return 'published';
    }
    const repository = registry.repository(ref.repository);
    const before = await this.#standing(repository, ref, { fact, call, mine: null });
    if (before === 'present') {
      // The manifest is no proof that storage still has what it names.
      await writeFactParts(repository, fact, call.signal);
      // Whoever stored it may have died before it said so.
      await changes.announce(ref);
    }
    if (before !== null) {
      return before;
    }
    await catalogue.add(ref, call);
    return withLostParts(fact.version, async () => {
      await writeFactParts(repository, fact, call.signal);
      return changes.announced(ref, () => this.#put(repository, ref, { fact, call }));
    });
  }

  async #put(repository: Repository, ref: PackageRef, { fact, call }: { readonly fact: NewFact; readonly call: LedgerCall }): Promise<IngestOutcome> {
    const mine = encodeFact(ref, { ...fact, assign: undefined, aliases: undefined }, { origin: 'upstream', stamp: null });
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      await (isTagCreator(repository)
        ? repository.createTag(fact.tag, mine, { signal: call.signal })
        : repository.writeManifest(mine, { tag: fact.tag, signal: call.signal }));
      // A 201 is no proof that the tag is there, nor that it is mine: `reference/oci.md` §0.
      const standing = await this.#standing(repository, ref, { fact, call, mine });
      if (standing !== null) {
        return standing;
      }
    }
    throw new ProxyError('storage-unavailable', `The registry accepted the tag ${fact.tag} of ${ref.repository} ${ATTEMPTS} times and does not have it.`);
  }

  // What is there now, seen from this fact; null when nothing is.
  async #standing(
    repository: Repository,
    ref: PackageRef,
    { fact, call, mine }: { readonly fact: NewFact; readonly call: LedgerCall; readonly mine: ManifestBytes | null },
  ): Promise<IngestOutcome | null> {
    const { deleted, manifest, pending } = await lookUpFact(repository, { ref, tag: fact.tag, signal: call.signal });
    if (deleted) {
      return 'deleted';
    }
    if (manifest === null) {
      return null;
    }
    if (manifest.digest === mine?.digest) {
      this.#options.folds.meet(ref, fact.tag, mine.digest);
      return 'stored';
    }
    if (pending === null) {
      this.#options.logger.warn({ repository: ref.repository, tag: fact.tag, digest: manifest.digest }, 'a tag that a pulled-through file needs holds something that is not ours');
      return 'pinned';
    }
    return pending.fact.payload === fact.payload ? 'present' : 'pinned';
  }
}
