import { isProxyError } from '@oci-package-proxy/errors';
import type { LedgerReader, Origin, PackageRef } from '@oci-package-proxy/storage';

import type { PypiIndex, PypiIndexes } from '../config/indexes.ts';
import { ECOSYSTEM, mainRef, publishedRef } from '../model/holdings.ts';
import type { ReadCall } from './read-port.ts';

/** Names that are looked up at once: each is a small request, and only the first time. */
const AT_ONCE = 16;

/** What {@link CatalogueNames} needs. */
export interface CatalogueNamesOptions {
  readonly ledger: Pick<LedgerReader, 'packages' | 'origin'>;
  readonly indexes: PypiIndexes;
}

/**
 * The names in the root list of an index (PEP 691): those of the catalogue, not upstream's, which can have millions.
 *
 * An index that shows both sides shows them all. One that shows one side asks where each name comes from, which is one small request
 * a name and is remembered for good. The catalogue does not say which upstream a name was pulled through from, and so an index with any
 * upstream lists what came from all of them; like the catalogue itself, the list is a hint.
 */
export class CatalogueNames {
  readonly #options: CatalogueNamesOptions;

  constructor(options: CatalogueNamesOptions) {
    this.#options = options;
  }

  /** `ProjectReader.names` */
  async *in(index: PypiIndex, { signal }: ReadCall = {}): AsyncIterable<string> {
    let batch: string[] = [];
    for await (const name of this.#options.ledger.packages(ECOSYSTEM, { signal })) {
      if (!index.shows(name)) {
        continue;
      }
      batch.push(name);
      if (batch.length === AT_ONCE) {
        yield* await this.#shown(index, batch, signal);
        batch = [];
      }
    }
    yield* await this.#shown(index, batch, signal);
  }

  async #shown(index: PypiIndex, names: readonly string[], signal: AbortSignal | undefined): Promise<readonly string[]> {
    const shown = await Promise.all(names.map(async (name) => this.#shows(index, name, signal)));
    return names.filter((_name, position) => shown[position]);
  }

  async #shows(index: PypiIndex, name: string, signal: AbortSignal | undefined): Promise<boolean> {
    const isPrivate = this.#options.indexes.isPrivate(name);
    if (index.published && index.upstreams.length > 0 && !isPrivate) {
      return true;
    }
    if (!index.published && (isPrivate || index.upstreams.length === 0)) {
      return false;
    }
    const isPublished = await this.#isPublished(name, signal);
    return index.published ? isPublished : !isPublished || index.merges(name);
  }

  async #isPublished(name: string, signal: AbortSignal | undefined): Promise<boolean> {
    const isMerged = this.#options.indexes.isMerged(name);
    return (await this.#origin(mainRef(name), signal)) === 'published' || (isMerged && (await this.#origin(publishedRef(name), signal)) === 'published');
  }

  async #origin(ref: PackageRef, signal: AbortSignal | undefined): Promise<Origin | null> {
    try {
      return await this.#options.ledger.origin(ref, { signal });
    } catch (error) {
      // One name that somebody has spoilt must not cost the whole list.
      if (isProxyError(error, 'integrity')) {
        return null;
      }
      throw error;
    }
  }
}
