import type { Fold, LedgerReader, PackageRef } from '@oci-package-proxy/storage';

import type { PypiIndex, PypiIndexes } from '../config/indexes.ts';
import { DEFAULT, mainRef, publishedRef, upstreamRef } from '../model/holdings.ts';
import type { ReadCall } from './read-port.ts';

/** The main place alone decides whether upstream is asked; what others held when storage was last asked is the best there is. */
const ANY_AGE: number = Number.POSITIVE_INFINITY;

/** Where files are that were published here. */
export interface PublishedPlace {
  readonly ref: PackageRef;
  readonly fold: Fold;
}

/** Where files are that were pulled through from one upstream. */
export interface UpstreamPlace {
  readonly upstream: PypiIndex['upstreams'][number];
  readonly ref: PackageRef;
  /** What is held of it. @throws ProxyError as the ledger does. */
  fold(): Promise<Fold>;
}

/** Everything that an index may show of a project. */
export interface ProjectView {
  /** Normalized. */
  readonly name: string;
  /** Those that something was published to. */
  readonly published: readonly PublishedPlace[];
  /** In the order of the index; empty where no upstream counts, and so none is to be asked. */
  readonly upstreams: readonly UpstreamPlace[];
}

/** What {@link ProjectViews} needs. */
export interface ProjectViewsOptions {
  readonly ledger: Pick<LedgerReader, 'fold'>;
  readonly indexes: PypiIndexes;
}

/**
 * Decides what an index shows of a project, and above all whether any upstream may be asked for it: a name that is declared private,
 * or that the ledger has decided to be ours and that is not merged in this index, is told to nobody. A name that was decided to be
 * upstream's stays that for every index, whatever another one merges with it.
 */
export class ProjectViews {
  readonly #options: ProjectViewsOptions;

  constructor(options: ProjectViewsOptions) {
    this.#options = options;
  }

  /**
   * The view of a project; null where the index shows no project of that name.
   * @param call `fresh`: from lists that are made now.
   * @throws ProxyError as the ledger does.
   */
  async of(index: PypiIndex, name: string, call: ReadCall): Promise<ProjectView | null> {
    if (!index.shows(name)) {
      return null;
    }
    const { indexes } = this.#options;
    const main = { ref: mainRef(name), fold: await this.#fold(mainRef(name), call) };
    const published = [...(main.fold.origin === 'published' ? [main] : []), ...(await this.#besides(name, call))];
    const isUpstreams = main.fold.origin === 'upstream';
    const isPrivate = indexes.isPrivate(name);
    const asks = !isPrivate && (published.length === 0 || isUpstreams || index.merges(name));
    // What was published beside upstream's project is for those who merge it, and for those who have nothing else.
    const shows = index.published && (index.merges(name) || !isUpstreams || isPrivate || index.upstreams.length === 0);
    return {
      name,
      published: shows ? published : [],
      upstreams: asks ? index.upstreams.map((upstream) => this.#upstreamPlace(upstream, main, call)) : [],
    };
  }

  /** What was published beside what had been pulled through. What was deleted since still makes it a published name. */
  async #besides(name: string, call: ReadCall): Promise<readonly PublishedPlace[]> {
    if (!this.#options.indexes.isMerged(name)) {
      return [];
    }
    const ref = publishedRef(name);
    const fold = await this.#fold(ref, { ...call, outageMs: ANY_AGE });
    return fold.facts.size + fold.deletedTags.size > 0 ? [{ ref, fold }] : [];
  }

  #upstreamPlace(upstream: UpstreamPlace['upstream'], main: PublishedPlace, call: ReadCall): UpstreamPlace {
    if (upstream.id === DEFAULT && main.fold.origin !== 'published') {
      return { upstream, ref: main.ref, fold: async () => Promise.resolve(main.fold) };
    }
    const ref = upstreamRef(upstream.id, main.ref.name);
    return { upstream, ref, fold: async () => this.#fold(ref, { ...call, outageMs: ANY_AGE }) };
  }

  async #fold(ref: PackageRef, { fresh = false, signal, outageMs }: ReadCall & { readonly outageMs?: number }): Promise<Fold> {
    return this.#options.ledger.fold(ref, { fresh, signal, ...(outageMs !== undefined && { outageMs }) });
  }
}
