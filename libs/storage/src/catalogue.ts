import { filenameOfTag, fileTag, isReservedTag, repositoryName, shardOf } from '@oci-package-proxy/mapping';
import { bufferBlob, EMPTY_BYTES, parseManifest, type Registry, type Repository } from '@oci-package-proxy/oci';
import { LRUCache } from 'lru-cache';

import type { LedgerCall } from './ledger-port.ts';
import { putOnce } from './listed-writes.ts';
import { withLostParts } from './lost-parts.ts';
import { markerManifest } from './marker.ts';
import type { PackageRef } from './package-ref.ts';
import { isWrongData } from './stored-blob.ts';
import { ANNOTATIONS, LEDGER_TYPES } from './vendor.ts';

const SHARDS = '0123456789abcdef';
// Counted by size: a cache with a fixed number of places takes the memory for all of them at once.
const REMEMBERED = 100_000;

/** Which packages there may be: one tag a package, in 16 repositories an ecosystem. */
export class Catalogue {
  readonly #registry: Registry;
  readonly #flat: boolean;
  readonly #listed = new LRUCache<string, true>({ maxSize: REMEMBERED, sizeCalculation: () => 1 });

  constructor(registry: Registry, flat: boolean) {
    this.#registry = registry;
    this.#flat = flat;
  }

  /** Lists the package, once; before its first fact, so that no package is ever missing. @returns whether it was not listed before, as far as this call saw. */
  async add({ ecosystem, name }: Omit<PackageRef, 'repository'>, { signal }: LedgerCall = {}): Promise<boolean> {
    const key = `${ecosystem} ${name}`;
    if (this.#listed.has(key)) {
      return false;
    }
    const repository = this.#shard(ecosystem, shardOf(name));
    const tag = fileTag(name);
    const missing = (await repository.statManifest(tag, { signal })) === null;
    if (missing) {
      const manifest = markerManifest(LEDGER_TYPES.catalogue, tag, { [ANNOTATIONS.ecosystem]: ecosystem, [ANNOTATIONS.package]: name });
      await withLostParts(`the catalogue entry of ${name}`, async () => {
        await repository.writeBlob(bufferBlob(EMPTY_BYTES), { signal });
        await putOnce(repository, { tag, manifest, signal });
      });
    }
    this.#listed.set(key, true);
    return missing;
  }

  /** The names of an ecosystem, each once. */
  async *names(ecosystem: string, { signal }: LedgerCall = {}): AsyncIterable<string> {
    for (const shard of SHARDS) {
      const repository = this.#shard(ecosystem, shard);
      const seen = new Set<string>();
      for await (const page of repository.listTags({ signal })) {
        for (const tag of page) {
          const name = seen.has(tag) ? null : await nameOf(repository, tag, signal);
          seen.add(tag);
          if (name !== null) {
            yield name;
          }
        }
      }
    }
  }

  /** The repositories in which the names of an ecosystem are listed, below the configured prefix. */
  repositories(ecosystem: string): readonly string[] {
    return [...SHARDS].map((shard) => this.#nameOf(ecosystem, shard));
  }

  #shard(ecosystem: string, shard: string): Repository {
    return this.#registry.repository(this.#nameOf(ecosystem, shard));
  }

  #nameOf(ecosystem: string, shard: string): string {
    return repositoryName(['catalog', ecosystem, shard], { flat: this.#flat });
  }
}

async function nameOf(repository: Repository, tag: string, signal: AbortSignal | undefined): Promise<string | null> {
  if (!isReservedTag(tag)) {
    return filenameOfTag(tag);
  }
  try {
    const stored = tag.startsWith('_h.') ? await repository.readManifest(tag, { signal }) : null;
    const name = stored === null ? undefined : parseManifest(stored).annotations?.[ANNOTATIONS.package];
    return name !== undefined && name !== '' && name.isWellFormed() && fileTag(name) === tag ? name : null;
  } catch (error) {
    if (!isWrongData(error)) {
      throw error;
    }
    return null;
  }
}
