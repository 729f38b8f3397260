import { type Descriptor, type Digest, parseManifest, type Repository } from '@oci-package-proxy/oci';
import { LRUCache } from 'lru-cache';

import type { Fold } from './fold.ts';
import { inParallel } from './in-parallel.ts';
import type { DerivedIndex } from './ledger-port.ts';
import type { LedgerLogger, PackageRef } from './package-ref.ts';
import { isWrongData } from './stored-blob.ts';

const PARALLEL_READS = 8;
// Counted by size: a cache with a fixed number of places takes the memory for all of them at once.
const REMEMBERED = 50_000;

type KnownChild = Pick<Descriptor, 'mediaType' | 'digest' | 'size' | 'artifactType'>;

/** Whose facts an index lists. */
export interface ListedFacts {
  readonly ref: PackageRef;
  readonly fold: Fold;
  readonly entries: DerivedIndex['entries'];
  readonly signal?: AbortSignal | undefined;
}

/** What the entries of derived indexes say of the manifests of facts: their size is read once, as they never change. */
export class DerivedChildren {
  readonly #logger: LedgerLogger;
  readonly #known = new LRUCache<Digest, KnownChild>({ maxSize: REMEMBERED, sizeCalculation: () => 1 });

  constructor(logger: LedgerLogger) {
    this.#logger = logger;
  }

  /** The descriptors of an index's entries, in their order. What storage has lost is logged and left out. */
  async of(repository: Repository, { ref, fold, entries, signal }: ListedFacts): Promise<readonly Descriptor[]> {
    const listed = await inParallel(entries, PARALLEL_READS, async ({ fact: tag, platform }) => {
      const digest = fold.facts.get(tag)?.digest;
      const child = digest === undefined ? null : await this.#child(repository, digest, signal);
      if (child === null) {
        this.#logger.warn({ repository: ref.repository, tag, digest }, 'a version is left out of a derived index: its manifest cannot be read');
        return [];
      }
      return [{ ...child, ...(platform === undefined ? {} : { platform: { architecture: platform.architecture, os: platform.os } }) }];
    });
    return listed.flat();
  }

  /** Forgets all that was read: something that was listed is gone. */
  forget(): void {
    this.#known.clear();
  }

  async #child(repository: Repository, digest: Digest, signal: AbortSignal | undefined): Promise<KnownChild | null> {
    const known = this.#known.get(digest);
    if (known !== undefined) {
      return known;
    }
    const child = await readChild(repository, digest, signal);
    if (child !== null) {
      this.#known.set(digest, child);
    }
    return child;
  }
}

async function readChild(repository: Repository, digest: Digest, signal: AbortSignal | undefined): Promise<KnownChild | null> {
  try {
    const stored = await repository.readManifest(digest, { signal });
    if (stored === null) {
      return null;
    }
    const { mediaType, artifactType } = parseManifest(stored);
    return { mediaType, digest, size: stored.bytes.length, ...(artifactType === undefined ? {} : { artifactType }) };
  } catch (error) {
    if (!isWrongData(error)) {
      throw error;
    }
    return null;
  }
}
