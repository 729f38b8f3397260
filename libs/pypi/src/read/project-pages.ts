import { createHash } from 'node:crypto';

import { LRUCache } from 'lru-cache';

import type { Fold, LastStates, LedgerReader } from '@oci-package-proxy/storage';

import type { PypiIndex, PypiUpstream } from '../config/indexes.ts';
import type { ProjectPage } from '../model/project-page.ts';
import type { LastState } from './last-state.ts';
import type { OutdatedStates } from './outdated-states.ts';
import { combinedPage, heldPart, type ProjectPart } from './project-part.ts';
import type { ProjectView, ProjectViews, UpstreamPlace } from './project-view.ts';
import type { ReadCall, RevisedPage } from './read-port.ts';
import { isUpstreamFailure } from './upstream-failure.ts';
import { overlaidPage, type PinnedFile } from './upstream-overlay.ts';
import type { ReadPage, UpstreamPages } from './upstream-pages.ts';

/** Files of all pages that are kept. */
const MAX_FILES = 150_000;
const MAX_ALARMS = 2000;

/** What is told of pinned files. */
export interface AlarmLogger {
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** What {@link ProjectPages} needs. */
export interface ProjectPagesOptions {
  readonly views: ProjectViews;
  readonly upstreamPages: UpstreamPages;
  readonly states: LastStates<LastState>;
  readonly ledger: Pick<LedgerReader, 'fold'>;
  readonly outdated: Pick<OutdatedStates, 'check'>;
  readonly logger: AlarmLogger;
}

type AskedPlace = UpstreamPlace & { readonly upstream: PypiUpstream };

/** What upstream's side of a page is made of. */
type Source =
  | { readonly kind: 'asked'; readonly upstream: string; readonly place: AskedPlace; readonly known: ReadPage; readonly fold: Fold }
  | { readonly kind: 'held'; readonly upstream: string; readonly said: LastState; readonly asks: boolean; readonly fold: Fold };

/** The pages of projects, as indexes show them. */
export class ProjectPages {
  readonly #options: ProjectPagesOptions;
  /** By everything that they are made of; counted by files. */
  readonly #made = new LRUCache<string, RevisedPage>({ maxSize: MAX_FILES, sizeCalculation: ({ page }) => page.files.length + 1 });
  readonly #alarms = new LRUCache<string, true>({ max: MAX_ALARMS });

  constructor(options: ProjectPagesOptions) {
    this.#options = options;
  }

  /** `ProjectReader.page` */
  async get(index: PypiIndex, name: string, call: ReadCall = {}): Promise<RevisedPage | null> {
    const view = await this.#options.views.of(index, name, call);
    const found = view === null ? null : await this.#of(view, call);
    if (found !== null || view === null || call.fresh === true) {
      return found;
    }
    // Not found is never said from a list that was cached. What upstream said a moment ago still counts.
    const now = await this.#options.views.of(index, name, { ...call, fresh: true });
    return now === null ? null : this.#of(now, call);
  }

  async #of(view: ProjectView, call: ReadCall): Promise<RevisedPage | null> {
    const source = await this.#source(view, call);
    const key = JSON.stringify([view.name, view.published.map(({ ref, fold }) => [ref.repository, fold.revision]), source === null ? null : keyOf(source)]);
    const made = this.#made.get(key);
    if (made !== undefined) {
      return made;
    }
    const page = combinedPage(view.name, view.published, source === null ? null : this.#part(view.name, source));
    if (page === null) {
      return null;
    }
    const revised = { page, revision: revisionOf(page) };
    this.#made.set(key, revised);
    return revised;
  }

  /** The first upstream that has the project; null when none has. One that cannot be asked is not passed over: who comes after it might be anybody. */
  async #source(view: ProjectView, call: ReadCall): Promise<Source | null> {
    for (const place of view.upstreams) {
      const { upstream } = place;
      const source = upstream.url === null ? await this.#held(place, await place.fold(), { asks: false, signal: call.signal }) : await this.#asked(view.name, { ...place, upstream }, call);
      if (source !== null) {
        return source;
      }
    }
    return null;
  }

  async #asked(name: string, place: AskedPlace, call: ReadCall): Promise<Source | null> {
    try {
      const known = await this.#options.upstreamPages.get(place.upstream, name, call);
      return known === null ? null : { kind: 'asked', upstream: place.upstream.id, place, known, fold: await place.fold() };
    } catch (error) {
      const held = isUpstreamFailure(error) ? await this.#heldAfresh(place, call) : null;
      if (held === null) {
        throw error;
      }
      return held;
    }
  }

  async #heldAfresh(place: UpstreamPlace, { signal }: ReadCall): Promise<Source | null> {
    return this.#held(place, await this.#options.ledger.fold(place.ref, { fresh: true, signal }), { asks: true, signal });
  }

  /** What was pulled through of a project before; null when nothing was. */
  async #held({ upstream, ref }: UpstreamPlace, fold: Fold, { asks, signal }: { readonly asks: boolean; readonly signal: AbortSignal | undefined }): Promise<Source | null> {
    return fold.facts.size === 0 ? null : { kind: 'held', upstream: upstream.id, said: await this.#options.states.of(ref, fold, signal), asks, fold };
  }

  #part(name: string, source: Source): ProjectPart {
    if (source.kind === 'held') {
      return heldPart(name, source.fold, source);
    }
    const { part, pinned } = overlaidPage(source.known.page, source.fold);
    for (const file of pinned) {
      this.#alarm(name, source.upstream, file);
    }
    void this.#options.outdated.check({ ...source, name, upstream: source.place.upstream, ref: source.place.ref });
    return part;
  }

  #alarm(name: string, upstream: string, { filename, stored, announced }: PinnedFile): void {
    const key = JSON.stringify([upstream, name, filename, announced]);
    if (!this.#alarms.has(key)) {
      this.#alarms.set(key, true);
      this.#options.logger.error({ package: name, file: filename, upstream, stored, announced }, 'upstream now shows other bytes for a stored file; the stored ones are served');
    }
  }
}

function keyOf(source: Source): readonly string[] {
  const said = source.kind === 'asked' ? source.known.revision : `${source.said.revision} ${source.asks}`;
  return [source.kind, source.upstream, source.fold.revision, said];
}

function revisionOf(page: ProjectPage): string {
  return createHash('sha256').update(JSON.stringify(page)).digest('hex').slice(0, 32);
}
