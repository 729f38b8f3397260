import { type Fact, type Fold, isDeletedIn, isStorageAway, type LastStates, type LedgerReader, type PackageRef } from '@oci-package-proxy/storage';

import type { PypiIndex, PypiUpstream } from '../config/indexes.ts';
import type { ProjectStatus, UpstreamFile } from '../model/project-page.ts';
import type { LastState } from './last-state.ts';
import { isDeletedHere, publishedStatus, tagOfFile } from './project-part.ts';
import { isQuarantined, ownStatus, refuseQuarantined } from './project-status.ts';
import type { ProjectView, ProjectViews, UpstreamPlace } from './project-view.ts';
import type { ReadCall } from './read-port.ts';
import { isUpstreamFailure } from './upstream-failure.ts';
import type { UpstreamPages } from './upstream-pages.ts';

/** A file that is stored here. */
export interface StoredLocation {
  readonly kind: 'published' | 'held';
  readonly ref: PackageRef;
  readonly fact: Fact;
  /** Whom it was pulled through from, and can be asked; null where nobody is to be asked. */
  readonly upstream: PypiUpstream | null;
}

/** A file that upstream lists, and nobody here has. */
export interface ListedLocation {
  readonly kind: 'listed';
  readonly upstream: PypiUpstream;
  readonly entry: UpstreamFile;
}

/** Where a file is. */
export type FileLocation = StoredLocation | ListedLocation;

/** What {@link FileLocations} needs. */
export interface FileLocationsOptions {
  readonly ledger: Pick<LedgerReader, 'fact'>;
  readonly views: ProjectViews;
  readonly upstreamPages: UpstreamPages;
  readonly states: LastStates<LastState>;
}

interface Wanted {
  readonly name: string;
  readonly filename: string;
  readonly tag: string;
  readonly call: ReadCall;
}

/** What the first upstream says that has the project; `by` is null where this one has not, or cannot be asked. */
interface Decision {
  readonly by: { readonly location: FileLocation | null } | null;
  readonly failure: Error | null;
}

/** Finds files: what is stored is found by its computed tag, without any page. */
export class FileLocations {
  readonly #options: FileLocationsOptions;

  constructor(options: FileLocationsOptions) {
    this.#options = options;
  }

  /**
   * Where a file of a project is that the index shows; null when there is none, and whoever would know was asked.
   * @throws ProxyError as the ledger does; `policy` for a project that is quarantined; `upstream-unavailable` and its likes.
   */
  async find(index: PypiIndex, name: string, filename: string, call: ReadCall = {}): Promise<FileLocation | null> {
    const tag = tagOfFile(filename);
    const view = tag === null ? null : await this.#options.views.of(index, name, call);
    if (tag === null || view === null) {
      return null;
    }
    const wanted = { name, filename, tag, call };
    const found = await this.#in(view, wanted);
    if (found !== null || call.fresh === true) {
      return found;
    }
    // Not found is never said from a list that was cached. What upstream said a moment ago still counts.
    const now = await this.#options.views.of(index, name, { ...call, fresh: true });
    return now === null ? null : this.#in(now, wanted);
  }

  async #in(view: ProjectView, wanted: Wanted): Promise<FileLocation | null> {
    const published = await this.#published(view, wanted);
    const location = published ?? (isDeletedHere(view.published, wanted.filename) ? null : await this.#pulledThrough(view, wanted));
    if (location !== null) {
      refuseQuarantined(wanted.name, publishedStatus(view.published));
    }
    return location;
  }

  async #published({ published }: ProjectView, wanted: Wanted): Promise<FileLocation | null> {
    for (const { ref } of published) {
      const fact = await this.#fact(ref, wanted);
      if (fact !== null) {
        return { kind: 'published', ref, fact, upstream: null };
      }
    }
    return null;
  }

  /**
   * As for a page, the first upstream that has the project decides; but what is stored is served whether or not upstream can be asked,
   * and whether or not it is still listed.
   */
  async #pulledThrough({ upstreams }: ProjectView, wanted: Wanted): Promise<FileLocation | null> {
    let takenBack: FileLocation | null = null;
    let failure: Error | null = null;
    for (const [position, place] of upstreams.entries()) {
      const stored = await this.#stored(place, wanted);
      // Nobody after it can be the one that decides.
      if (stored !== null && (failure !== null || position === upstreams.length - 1)) {
        return stored;
      }
      const decision: Decision = failure === null ? await this.#decision(place, wanted, stored) : { by: null, failure };
      if (decision.by !== null) {
        return decision.by.location ?? takenBack;
      }
      failure = decision.failure;
      takenBack ??= stored;
    }
    if (failure !== null && takenBack === null) {
      throw failure;
    }
    return takenBack;
  }

  async #decision(place: UpstreamPlace, wanted: Wanted, stored: FileLocation | null): Promise<Decision> {
    try {
      const { has, location } = stored === null ? await this.#atUpstream(place, wanted) : { has: await this.#hasProject(place, wanted), location: stored };
      return { by: has ? { location } : null, failure: null };
    } catch (error) {
      if (!isUpstreamFailure(error)) {
        throw error;
      }
      return stored === null ? { by: null, failure: error } : { by: { location: stored }, failure: null };
    }
  }

  async #hasProject({ upstream, fold }: UpstreamPlace, { name, call }: Wanted): Promise<boolean> {
    return upstream.url === null ? (await fold()).facts.size > 0 : (await this.#options.upstreamPages.get(upstream, name, call)) !== null;
  }

  async #stored(place: UpstreamPlace, wanted: Wanted): Promise<FileLocation | null> {
    const fact = await this.#heldOrUnknown(place, wanted);
    if (fact === null) {
      return null;
    }
    const fold = await place.fold();
    refuseQuarantined(wanted.name, ownStatus(fold) ?? (await this.#saidStatus(place, fold, wanted)));
    return { kind: 'held', ref: place.ref, fact, upstream: place.upstream.url === null ? null : place.upstream };
  }

  async #atUpstream(place: UpstreamPlace, { name, filename, tag, call }: Wanted): Promise<{ readonly has: boolean; readonly location: FileLocation | null }> {
    const { upstream } = place;
    const fold = await place.fold();
    if (upstream.url === null) {
      return { has: fold.facts.size > 0, location: null };
    }
    // What was deleted here is not asked for; whether upstream has the project still decides who may have the file.
    const found = await this.#options.upstreamPages.find(upstream, name, filename, call);
    if (found === null) {
      return { has: false, location: null };
    }
    const { page, entry } = found;
    if (entry === null || isDeletedIn(fold, tag)) {
      return { has: true, location: null };
    }
    refuseQuarantined(name, ownStatus(fold) ?? page.status);
    return { has: true, location: { kind: 'listed', upstream, entry } };
  }

  /** While storage cannot be asked: null for what is upstream's by a list that is still alive, so that upstream and the spool can serve it. */
  async #heldOrUnknown(place: UpstreamPlace, wanted: Wanted): Promise<Fact | null> {
    try {
      return await this.#fact(place.ref, wanted);
    } catch (error) {
      const fold = isStorageAway(error) ? await place.fold() : null;
      if (fold?.origin !== 'upstream' || fold.asOf !== undefined) {
        throw error;
      }
      return null;
    }
  }

  async #fact(ref: PackageRef, { tag, call }: Wanted): Promise<Fact | null> {
    return this.#options.ledger.fact(ref, tag, { signal: call.signal });
  }

  /** The status at upstream, as far as it is known without asking; only what would refuse the file is asked again. */
  async #saidStatus({ upstream, ref }: UpstreamPlace, fold: Fold, { name, call }: Wanted): Promise<ProjectStatus | null> {
    const { upstreamPages, states } = this.#options;
    const known = upstream.url === null ? null : upstreamPages.latest(upstream, name);
    if (known !== null) {
      return known.page.status;
    }
    const { status } = await states.of(ref, fold, call.signal);
    return upstream.url === null || !isQuarantined(status) ? status : this.#statusNow(upstream, { name, call, status });
  }

  async #statusNow(upstream: PypiUpstream, { name, call, status }: { readonly name: string; readonly call: ReadCall; readonly status: ProjectStatus | null }): Promise<ProjectStatus | null> {
    try {
      const known = await this.#options.upstreamPages.get(upstream, name, call);
      return known === null ? status : known.page.status;
    } catch (error) {
      if (!isUpstreamFailure(error)) {
        throw error;
      }
      return status;
    }
  }
}
