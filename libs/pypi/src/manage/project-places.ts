import { isProxyError, type ProxyError } from '@oci-package-proxy/errors';
import type { Fact, Fold, LedgerReader, Origin, PackageRef } from '@oci-package-proxy/storage';

import type { PypiIndex, PypiIndexes, PypiUpstream } from '../config/indexes.ts';
import { DEFAULT, mainRef, publishedRef, upstreamRef } from '../model/holdings.ts';
import type { ProjectFile, ProjectStatus } from '../model/project-page.ts';
import { fileDocumentOf } from '../model/pypi-fact.ts';
import { versionOfFilename } from '../names/filename.ts';
import type { ProjectReader } from '../read/read-port.ts';

const UPSTREAM_FAILURES = ['upstream-unavailable', 'upstream-denied', 'rate-limited', 'loop'] as const;

/** A file in a place. */
export interface PlacedFile {
  readonly filename: string;
  readonly version: string | null;
  /** Bytes; null where nobody knows. */
  readonly size: number | null;
  /** Lower-case hex; null where upstream says none. */
  readonly sha256: string | null;
  readonly uploadTime: string | null;
  /** What upstream says of it, PEP 592; null for what is published here. */
  readonly yanked: string | null;
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
  readonly reader: Pick<ProjectReader, 'page'>;
}

interface Listing {
  readonly files: readonly ProjectFile[];
  readonly status: ProjectStatus | null;
  readonly listed: boolean;
  readonly failure: ProxyError | null;
}

const NO_LISTING: Listing = { files: [], status: null, listed: false, failure: null };

/** Finds every place where something of a project is, whatever index shows it. */
export class ProjectPlaces {
  readonly #options: ProjectPlacesOptions;

  constructor(options: ProjectPlacesOptions) {
    this.#options = options;
  }

  /**
   * All places of a project, those of what is published here first.
   * @param name normalized.
   * @throws ProxyError as the ledger does.
   */
  async read(name: string, call: { readonly signal?: AbortSignal | undefined } = {}): Promise<readonly Place[]> {
    const { ledger, indexes } = this.#options;
    const main = mainRef(name);
    const mainFold = await ledger.fold(main, { fresh: true, signal: call.signal });
    const sources = this.#sources(name, mainFold);
    const refs = uniqueRefs([main, ...(indexes.isMerged(name) ? [publishedRef(name)] : []), ...sources.map(({ ref }) => ref)]);
    const places = await Promise.all(
      refs.map(async (ref) => {
        const source = sources.find((candidate) => candidate.ref.repository === ref.repository);
        const state = ref.repository === main.repository ? mainFold : await ledger.fold(ref, { fresh: true, signal: call.signal });
        return placeOf(ref, state, await this.#list(source?.upstream ?? null, name, call));
      }),
    );
    return [...places.filter(isPublished), ...places.filter((place) => !isPublished(place))];
  }

  /** Every configured upstream with the place of its files; `upstream` is null where it is not asked for this name. */
  #sources(name: string, mainFold: Fold): readonly { readonly ref: PackageRef; readonly upstream: PypiUpstream | null }[] {
    const { indexes } = this.#options;
    const isMerged = indexes.isMerged(name);
    // A name that is published here and not merged is never asked of upstream: it may be a secret.
    const isAsked = !indexes.isPrivate(name) && (mainFold.origin !== 'published' || isMerged);
    const sources = new Map<string, { ref: PackageRef; upstream: PypiUpstream | null }>();
    for (const index of indexes.all) {
      for (const upstream of index.upstreams) {
        const besideOurs = mainFold.origin === 'published' && isMerged;
        const ref = upstream.id === DEFAULT && !besideOurs ? mainRef(name) : upstreamRef(upstream.id, name);
        const asked = isAsked && upstream.url !== null && index.shows(name) ? upstream : null;
        sources.set(upstream.id, { ref, upstream: sources.get(upstream.id)?.upstream ?? asked });
      }
    }
    return [...sources.values()];
  }

  async #list(upstream: PypiUpstream | null, name: string, call: { readonly signal?: AbortSignal | undefined }): Promise<Listing> {
    if (upstream === null) {
      return NO_LISTING;
    }
    try {
      const shown = await this.#options.reader.page(this.#indexOf(upstream), name, { signal: call.signal, fresh: true });
      return shown === null ? NO_LISTING : { files: shown.page.files, status: shown.page.status, listed: true, failure: null };
    } catch (error) {
      if (UPSTREAM_FAILURES.some((code) => isProxyError(error, code))) {
        return { ...NO_LISTING, failure: error as ProxyError };
      }
      throw error;
    }
  }

  /** An index that shows what one upstream has, and nothing else. */
  #indexOf(upstream: PypiUpstream): PypiIndex {
    const { indexes } = this.#options;
    return {
      name: `upstream ${upstream.id}`,
      published: false,
      upload: false,
      upstreams: [upstream],
      shows: () => true,
      merges: (name) => indexes.isMerged(name),
    };
  }
}

function placeOf(ref: PackageRef, state: Fold, listing: Listing): Place {
  const files = new Map<string, PlacedFile>();
  const listed = new Map(listing.files.map((file) => [file.filename, file]));
  for (const fact of state.facts.values()) {
    const file = heldFile(ref.name, fact);
    files.set(file.filename, { ...file, yanked: fact.origin === 'upstream' ? (listed.get(file.filename)?.yanked ?? null) : null });
  }
  for (const file of listing.files) {
    // What is no text can neither be served nor have a tag.
    if (!files.has(file.filename) && file.filename.isWellFormed()) {
      files.set(file.filename, listedFile(file));
    }
  }
  return { ref, fold: state, files, upstreamStatus: listing.status, listed: listing.listed, failure: listing.failure };
}

function heldFile(name: string, fact: Fact): PlacedFile {
  const document = fileDocumentOf(fact);
  return {
    filename: document.filename,
    version: versionOfFilename(document.filename, name) ?? document.version,
    size: document.size,
    sha256: document.hashes['sha256'] ?? null,
    uploadTime: document.uploadTime,
    yanked: null,
    held: true,
    origin: fact.origin,
  };
}

function listedFile({ filename, version, size, hashes, uploadTime, yanked }: ProjectFile): PlacedFile {
  return { filename, version, size, sha256: hashes['sha256'] ?? null, uploadTime, yanked, held: false, origin: 'upstream' };
}

function uniqueRefs(refs: readonly PackageRef[]): readonly PackageRef[] {
  return [...new Map(refs.map((ref) => [ref.repository, ref])).values()];
}

function isPublished({ fold }: Place): boolean {
  return fold.origin === 'published';
}
