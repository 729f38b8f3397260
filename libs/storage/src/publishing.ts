import { ProxyError } from '@oci-package-proxy/errors';
import type { ManifestBytes, Registry, Repository } from '@oci-package-proxy/oci';

import type { Aliases } from './aliases.ts';
import type { Catalogue } from './catalogue.ts';
import type { Changes } from './changes.ts';
import { decideTag } from './decide-rounds.ts';
import { encodeFact } from './fact-manifest.ts';
import { checkFact, writeFactParts } from './fact-parts.ts';
import type { NewFact } from './fact.ts';
import type { LedgerCall, PublishOutcome } from './ledger-port.ts';
import { confirmListed } from './listed-writes.ts';
import { withLostParts } from './lost-parts.ts';
import { originManifest, type Origins } from './origin.ts';
import type { PackageFolds } from './package-folds.ts';
import type { PackageMutex } from './package-mutex.ts';
import type { PackageRef } from './package-ref.ts';
import { lookUpFact, type StoredFact } from './stored-fact.ts';
import { deletionTag, ORIGIN_TAG, stampAfter } from './tags.ts';
import { sayingOutcome, type WriteProgress } from './write-outcome.ts';

const OUTCOMES = {
  nothing: 'Nothing was published; publish it again when storage takes writes.',
  unknown: 'Whether it was published is not known: publish the same again, which is no conflict.',
};

type PublishCall = LedgerCall & { readonly by: string };

interface PublishWork {
  readonly repository: Repository;
  readonly ref: PackageRef;
  readonly fact: NewFact;
  readonly call: PublishCall;
  readonly progress: WriteProgress;
}

/** What {@link Publisher} needs. */
export interface PublisherOptions {
  readonly registry: Registry;
  readonly folds: PackageFolds;
  readonly origins: Origins;
  readonly catalogue: Catalogue;
  readonly changes: Changes;
  readonly aliases: Aliases;
  readonly mutex: PackageMutex;
  /** A number from 0 to 1, 1 excluded. */
  readonly random: () => number;
}

/** Stores new versions: all or nothing, and each only once. */
export class Publisher {
  readonly #options: PublisherOptions;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** `LedgerPublisher.publish` */
  async publish(ref: PackageRef, fact: NewFact, call: PublishCall): Promise<PublishOutcome> {
    checkFact(ref, fact);
    const { registry, changes, mutex } = this.#options;
    return changes.around(ref, async () => sayingOutcome(OUTCOMES, async (progress) => {
      const work = { repository: registry.repository(ref.repository), ref, fact, call, progress };
      const early = await mutex.run(ref.repository, () => this.#check(work), call.signal);
      return early ?? withLostParts(fact.version, () => this.#write(work));
    }));
  }

  async #write(work: PublishWork): Promise<PublishOutcome> {
    const { ref, fact, call } = work;
    await this.#options.catalogue.add(ref, call);
    // Large files of one package must not wait for each other, and so the mutex is free meanwhile.
    await writeFactParts(work.repository, fact, call.signal);
    return this.#options.mutex.run(ref.repository, () => this.#store(work), call.signal);
  }

  // Whether it may be published, and is not there already: before anything is uploaded.
  async #check(work: PublishWork): Promise<'same' | null> {
    const { ref, call } = work;
    if ((await this.#options.origins.decide(ref, 'published', call)) !== 'published') {
      throw new ProxyError('conflict', `${ref.name} is pulled through from upstream, and so nothing can be published under this name here. Choose another name, or have it declared private before it is first installed.`);
    }
    return this.#standing(work);
  }

  async #standing({ repository, ref, fact, call }: PublishWork): Promise<'same' | null> {
    const stored = await lookUpFact(repository, { ref, tag: fact.tag, signal: call.signal });
    refuseDeleted(stored, ref, fact);
    if (stored.manifest === null) {
      return null;
    }
    refuseOther(stored, ref, fact);
    // Whoever stored it may have died before it wrote all of them, or before it said so.
    await this.#options.aliases.put(repository, fact.tag, { standing: stored.manifest, signal: call.signal });
    await this.#options.changes.announce(ref);
    return 'same';
  }

  async #store(work: PublishWork): Promise<PublishOutcome> {
    const meanwhile = await this.#standing(work);
    return meanwhile ?? this.#options.changes.announced(work.ref, () => this.#commit(work));
  }

  async #commit(work: PublishWork): Promise<PublishOutcome> {
    const { repository, ref, fact, call } = work;
    const manifest = await this.#manifestOf(work);
    work.progress.begun = true;
    const winner = await decideTag(repository, fact.tag, manifest, { signal: call.signal, random: this.#options.random });
    const standing = winner === manifest.digest ? manifest : await this.#rival(work);
    const deletion = deletionTag(fact.tag);
    const written = new Map([[ORIGIN_TAG, originManifest('published')], [fact.tag, standing]]);
    const tags = await confirmListed(repository, { written, unless: deletion, signal: call.signal });
    if (tags.has(deletion)) {
      throw deleted(ref, fact);
    }
    await this.#options.aliases.put(repository, fact.tag, { standing, signal: call.signal });
    this.#options.folds.meet(ref, fact.tag, standing.digest);
    return standing === manifest ? 'created' : 'same';
  }

  async #manifestOf({ ref, fact, call }: PublishWork): Promise<ManifestBytes> {
    if (fact.assign === undefined) {
      return encodeFact(ref, fact, { origin: 'published', stamp: null, by: call.by });
    }
    // After everything in a list made for this very write.
    const { sequence } = (await this.#options.folds.get(ref, { fresh: true, signal: call.signal })).fold;
    return encodeFact(ref, fact, { origin: 'published', stamp: stampAfter(sequence, this.#options.random), by: call.by });
  }

  async #rival({ repository, ref, fact, call }: PublishWork): Promise<ManifestBytes> {
    const stored = await lookUpFact(repository, { ref, tag: fact.tag, signal: call.signal });
    refuseDeleted(stored, ref, fact);
    if (stored.manifest === null) {
      throw new ProxyError('storage-unavailable', `${fact.version} of ${ref.name} was decided by another publish and is not there yet. Try again.`);
    }
    refuseOther(stored, ref, fact);
    return stored.manifest;
  }
}

function refuseDeleted(stored: StoredFact, ref: PackageRef, fact: NewFact): void {
  if (stored.deleted) {
    throw deleted(ref, fact);
  }
}

function refuseOther({ pending }: StoredFact, ref: PackageRef, fact: NewFact): void {
  if (pending === null) {
    throw new ProxyError('conflict', `The tag ${fact.tag} of ${ref.repository} holds something that was not published here. Choose another version, or have the tag removed from the registry.`);
  }
  if (pending.fact.payload !== fact.payload) {
    throw new ProxyError('conflict', `${fact.version} of ${ref.name} exists already with other contents, and a version never changes. Raise the version and publish again.`);
  }
}

function deleted(ref: PackageRef, fact: NewFact): ProxyError {
  return new ProxyError('conflict', `${fact.version} of ${ref.name} was deleted, and a deleted version can never be published again. Raise the version and publish again.`);
}
