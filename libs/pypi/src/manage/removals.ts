import { ProxyError } from '@oci-package-proxy/errors';
import { fileTag } from '@oci-package-proxy/mapping';
import { isDeletedIn } from '@oci-package-proxy/storage';

import { canonicalVersion } from '../names/version.ts';
import { tagOfFile } from '../read/project-part.ts';
import { type ManageCall, type ManageLedger, quoted } from './manage-call.ts';
import type { Place, PlacedFile, ProjectPlaces } from './project-places.ts';

/** What was deleted. */
export interface RemovalResult {
  /** Normalized. */
  readonly name: string;
  /** File names, sorted; empty: all of it was deleted before. */
  readonly removed: readonly string[];
}

/**
 * Deletes files for good: they stay hidden, and nothing can be published under their names again. What upstream lists is hidden
 * too, whether or not it was ever pulled through. Files that upstream adds later are not: a project that must not be had at all is
 * given the status `quarantined`.
 */
export class Removals {
  readonly #ledger: Pick<ManageLedger, 'delete'>;
  readonly #places: Pick<ProjectPlaces, 'read'>;

  constructor({ ledger, places }: { readonly ledger: Pick<ManageLedger, 'delete'>; readonly places: Pick<ProjectPlaces, 'read'> }) {
    this.#ledger = ledger;
    this.#places = places;
  }

  /**
   * Deletes one file wherever it is; one that was deleted before is no error.
   * @param name normalized.
   * @throws ProxyError `not-found`; `upstream-unavailable` and its likes when only upstream could tell.
   */
  async file(name: string, filename: string, call: ManageCall): Promise<RemovalResult> {
    const places = await this.#places.read(name, { signal: call.signal, fresh: true });
    const isMeant = (file: PlacedFile): boolean => file.filename === filename;
    const having = places.filter(({ files }) => files.has(filename));
    // Its name is known, and so it is hidden too where upstream may list it and cannot be asked.
    for (const { ref } of having.length === 0 ? [] : places.filter(({ files, failure }) => files.has(filename) || failure !== null)) {
      await this.#ledger.delete(ref, [fileTag(filename)], { by: call.by, signal: call.signal });
    }
    const removed = namesIn(having, isMeant);
    if (removed.length === 0 && !isDeletedAnywhere(places, filename)) {
      throw failureIn(places) ?? new ProxyError('not-found', `${name} has no file ${quoted(filename)}, neither here nor at any upstream.`);
    }
    return { name, removed };
  }

  /**
   * Deletes all files of a version, however it is spelled.
   * @param name normalized.
   * @throws ProxyError `not-found`, also when all of it was deleted before; `upstream-unavailable` and its likes when upstream may
   * list more of it and cannot be asked: then what is known of it is deleted.
   */
  async version(name: string, version: string, call: ManageCall): Promise<RemovalResult> {
    const wanted = canonicalVersion(version);
    const isMeant = (file: PlacedFile): boolean => file.version !== null && canonicalVersion(file.version) === wanted;
    return this.#all(name, `${name} has no version ${quoted(version)}, neither here nor at any upstream.`, { ...call, isMeant });
  }

  /** Deletes all files that a project has now. @param name normalized. @throws ProxyError as {@link version}. */
  async project(name: string, call: ManageCall): Promise<RemovalResult> {
    return this.#all(name, `There are no files of ${name}, neither here nor at any upstream.`, { ...call, isMeant: () => true });
  }

  async #all(name: string, absent: string, { by, signal, isMeant }: ManageCall & { readonly isMeant: (file: PlacedFile) => boolean }): Promise<RemovalResult> {
    const places = await this.#places.read(name, { signal, fresh: true });
    for (const place of places) {
      await this.#ledger.delete(place.ref, namesIn([place], isMeant).map(fileTag), { by, signal });
    }
    const removed = namesIn(places, isMeant);
    const failure = failureIn(places);
    if (failure !== null) {
      const done = removed.length === 0 ? 'Nothing was deleted' : `${removed.length} known ${removed.length === 1 ? 'file was' : 'files were'} deleted, and upstream may list more`;
      throw new ProxyError(failure.code, `${done}: ${failure.message} Try again later.`, { cause: failure, ...(failure.retryAfterMs === undefined ? {} : { retryAfterMs: failure.retryAfterMs }) });
    }
    if (removed.length === 0) {
      throw new ProxyError('not-found', absent);
    }
    return { name, removed };
  }
}

function namesIn(places: readonly Place[], isMeant: (file: PlacedFile) => boolean): readonly string[] {
  const names = places.flatMap(({ files }) => [...files.values()].filter(isMeant).map(({ filename }) => filename));
  return [...new Set(names)].sort();
}

function failureIn(places: readonly Place[]): ProxyError | null {
  return places.find(({ failure }) => failure !== null)?.failure ?? null;
}

function isDeletedAnywhere(places: readonly Place[], filename: string): boolean {
  const tag = tagOfFile(filename);
  return tag !== null && places.some(({ fold }) => isDeletedIn(fold, tag));
}
