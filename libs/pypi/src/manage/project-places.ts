import type { ProxyError } from '@oci-package-proxy/errors';
import { type Fold, isDeletedIn, type LedgerReader, type Origin, type PackageRef } from '@oci-package-proxy/storage';

import type { PypiIndexes, PypiUpstream } from '../config/indexes.ts';
import { DEFAULT, mainRef, publishedRef, upstreamRef } from '../model/holdings.ts';
import type { ProjectFile, ProjectStatus } from '../model/project-page.ts';
import { heldFile } from '../read/held-file.ts';
import { tagOfFile } from '../read/project-part.ts';
import type { ReadCall } from '../read/read-port.ts';
import { isUpstreamFailure } from '../read/upstream-failure.ts';
import type { UpstreamPages } from '../read/upstream-pages.ts';

/** A file in a place. What `yanked` says is what upstream says: null for what is published here. */
export interface PlacedFile extends ProjectFile {
  /** Whether it is stored here; else upstream lists it. */
  readonly held: boolean;
  readonly origin: Origin;
}

/** One place where files of a project are kept, with what upstream lists that would be kept there. */
export interface Place {
  readonly ref: PackageRef;
  readonly fold: Fold;
  /** By file name; deleted ones left out. */
  readonly files: ReadonlyMap<string, PlacedFile>;
  /** The project's status as upstream tells it. */
  readonly upstreamStatus: ProjectStatus | null;
  /** Whether upstream has the project. */
  readonly listed: boolean;
  /** Why nobody can say what upstream lists; null: it was asked, or nobody asks it for this name. */
  readonly failure: ProxyError | null;
}

/** What {@link ProjectPlaces} needs. */
export interface ProjectPlacesOptions {
  readonly ledger: Pick<LedgerReader, 'fold'>;
  readonly indexes: PypiIndexes;
  /** Upstream's own pages: what is hidden or quarantined here is in them all the same. */
  readonly upstreamPages: Pick<UpstreamPages, 'get'>;
}

type Listing = Pick<Place, 'listed' | 'upstreamStatus' | 'failure'> & { readonly files: readonly ProjectFile[] };

interface Source {
  readonly refs: readonly PackageRef[];
  /** Null where it is not asked. */
  readonly upstream: PypiUpstream | null;
}

const NO_LISTING: Listing = { files: [], upstreamStatus: null, listed: false, failure: null };

/** Finds every place where something of a project is or would be, whatever index shows it. */
export class ProjectPlaces {
  readonly #options: ProjectPlacesOptions;

  constructor(options: ProjectPlacesOptions) {
    this.#options = options;
  }

  /**
   * All places of a project, those of what is published here first.
   * @param name normalized.
   * @param call `fresh`: upstream's pages are not taken from what is cached. What is held is always read afresh.
   * @throws ProxyError as the ledger does.
   */
  async read(name: string, call: ReadCall = {}): Promise<readonly Place[]> {
    const { indexes } = this.#options;
    const main = { ref: mainRef(name), fold: await this.#fold(mainRef(name), call) };
    const sources = this.#sources(name, main.fold);
    const listings = new Map(sources.map(({ upstream }) => [upstream, this.#list(upstream, name, call)]));
    const refs = uniqueRefs([main.ref, ...(indexes.isMerged(name) ? [publishedRef(name)] : []), ...sources.flatMap((source) => source.refs)]);
    const places = await Promise.all(
      refs.map(async (ref) => {
        const fold = ref.repository === main.ref.repository ? main.fold : await this.#fold(ref, call);
        const source = sources.find((candidate) => candidate.refs.some(({ repository }) => repository === ref.repository));
        return placeOf(ref, fold, (await listings.get(source?.upstream ?? null)) ?? NO_LISTING);
      }),
    );
    return [...places.filter(isPublished), ...places.filter((place) => !isPublished(place))];
  }

  /** Every configured upstream with the places of its files. */
  #sources(name: string, main: Fold): readonly Source[] {
    const { indexes } = this.#options;
    const isMerged = indexes.isMerged(name);
    // A name that is published here and not merged is never asked of upstream: it may be a secret.
    const isAsked = !indexes.isPrivate(name) && (main.origin !== 'published' || isMerged);
    const sources = new Map<string, Source>();
    for (const index of indexes.all) {
      for (const upstream of index.upstreams) {
        const asked = isAsked && upstream.url !== null && index.shows(name) ? upstream : null;
        const refs = upstream.id === DEFAULT ? defaultRefs(name, { origin: main.origin, isMerged }) : [upstreamRef(upstream.id, name)];
        sources.set(upstream.id, { refs, upstream: sources.get(upstream.id)?.upstream ?? asked });
      }
    }
    return [...sources.values()];
  }

  async #list(upstream: PypiUpstream | null, name: string, call: ReadCall): Promise<Listing> {
    if (upstream === null) {
      return NO_LISTING;
    }
    try {
      const known = await this.#options.upstreamPages.get(upstream, name, call);
      return known === null ? NO_LISTING : { files: [...known.files.values()], upstreamStatus: known.page.status, listed: true, failure: null };
    } catch (error) {
      if (isUpstreamFailure(error)) {
        return { ...NO_LISTING, failure: error };
      }
      throw error;
    }
  }

  async #fold(ref: PackageRef, { signal }: ReadCall): Promise<Fold> {
    return this.#options.ledger.fold(ref, { fresh: true, signal });
  }
}

/** Where files of the default upstream are. Before anything is decided of a merged name, a publish may still take the main place. */
function defaultRefs(name: string, { origin, isMerged }: { readonly origin: Origin | null; readonly isMerged: boolean }): readonly PackageRef[] {
  if (origin === 'published') {
    return [upstreamRef(DEFAULT, name)];
  }
  return origin === null && isMerged ? [mainRef(name), upstreamRef(DEFAULT, name)] : [mainRef(name)];
}

function placeOf(ref: PackageRef, fold: Fold, { files: listed, ...listing }: Listing): Place {
  const files = new Map<string, PlacedFile>();
  for (const file of listed) {
    const tag = tagOfFile(file.filename);
    if (tag !== null && !isDeletedIn(fold, tag)) {
      files.set(file.filename, { ...file, held: false, origin: 'upstream' });
    }
  }
  for (const fact of fold.facts.values()) {
    const file = heldFile(ref.name, fact);
    // The stored bytes are the ones that are served, whatever upstream says of them now.
    files.set(file.filename, { ...file, yanked: files.get(file.filename)?.yanked ?? null, held: true, origin: fact.origin });
  }
  return { ref, fold, files, ...listing };
}

function uniqueRefs(refs: readonly PackageRef[]): readonly PackageRef[] {
  return [...new Map(refs.map((ref) => [ref.repository, ref])).values()];
}

function isPublished({ fold }: Place): boolean {
  return fold.origin === 'published';
}
