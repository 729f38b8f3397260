import type { BlobBody, ByteRange, Descriptor, Registry } from '@oci-package-proxy/oci';

import { completeFact } from './entries.ts';
import { isForOthers } from './fact-decoding.ts';
import type { Fact } from './fact.ts';
import type { LedgerCall } from './ledger-port.ts';
import type { PackageFolds } from './package-folds.ts';
import type { LedgerLogger, PackageRef } from './package-ref.ts';
import { isStorageAway } from './outage.ts';
import { isWrongData } from './stored-blob.ts';
import { lookUpFact } from './stored-fact.ts';

/** What {@link FactReader} needs. */
export interface FactReaderOptions {
  readonly registry: Registry;
  readonly folds: PackageFolds;
  readonly logger: LedgerLogger;
}

/** Reads single facts and their files, without a list. */
export class FactReader {
  readonly #options: FactReaderOptions;

  constructor(options: FactReaderOptions) {
    this.#options = options;
  }

  /** `LedgerReader.fact` */
  async read(ref: PackageRef, tag: string, { signal }: LedgerCall = {}): Promise<Fact | null> {
    const { folds } = this.#options;
    const cached = folds.alive(ref)?.fold.facts.get(tag);
    if (cached !== undefined) {
      return cached;
    }
    try {
      return await this.#stored(ref, tag, signal);
    } catch (error) {
      const known = isStorageAway(error) && folds.peek(ref)?.fold.facts.has(tag) === true ? folds.old(ref)?.fold.facts.get(tag) : undefined;
      if (known === undefined) {
        throw error;
      }
      return known;
    }
  }

  async #stored(ref: PackageRef, tag: string, signal: AbortSignal | undefined): Promise<Fact | null> {
    const { registry, folds, logger } = this.#options;
    const repository = registry.repository(ref.repository);
    const { deleted, manifest, pending } = await this.#lookUp(ref, tag, signal);
    if (deleted || manifest === null) {
      return null;
    }
    const fact = pending === null ? 'foreign' : await completeFact({ repository, ref, logger, signal }, pending);
    if (fact === 'foreign') {
      if (!isForOthers(ref, tag, manifest)) {
        logger.warn({ repository: ref.repository, tag, digest: manifest.digest }, 'the tag of a version holds something that is not ours');
      }
      return null;
    }
    folds.meet(ref, tag, manifest.digest);
    return fact === 'lost' ? null : fact;
  }

  /** `LedgerReader.open` */
  async open(ref: PackageRef, layer: Pick<Descriptor, 'digest' | 'size'>, call: LedgerCall & { readonly range?: ByteRange } = {}): Promise<BlobBody | null> {
    const body = await this.#options.registry.repository(ref.repository).readBlob(layer.digest, call);
    if (body === null) {
      this.#options.logger.warn({ repository: ref.repository, digest: layer.digest }, 'storage has lost a file of a version');
      await this.#compare(ref, layer.digest, call.signal);
    }
    return body;
  }

  // The fold that named a lost file may come from a snapshot that is not true any more.
  async #compare(ref: PackageRef, layer: string, signal: AbortSignal | undefined): Promise<void> {
    const { registry, folds } = this.#options;
    const facts = [...(folds.peek(ref)?.fold.facts.values() ?? [])];
    const fact = facts.find(({ layers }) => layers.some(({ digest }) => digest === layer));
    if (fact === undefined) {
      return;
    }
    const standing = await registry.repository(ref.repository).statManifest(fact.tag, { signal });
    if (standing === null) {
      folds.invalidate(ref);
      return;
    }
    folds.meet(ref, fact.tag, standing);
  }

  async #lookUp(ref: PackageRef, tag: string, signal: AbortSignal | undefined): ReturnType<typeof lookUpFact> {
    try {
      return await lookUpFact(this.#options.registry.repository(ref.repository), { ref, tag, signal });
    } catch (error) {
      if (!isWrongData(error)) {
        throw error;
      }
      this.#options.logger.warn({ repository: ref.repository, tag, err: error }, 'the tag of a version holds wrong data');
      return { deleted: false, manifest: null, pending: null };
    }
  }
}
