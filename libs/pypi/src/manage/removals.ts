import { ProxyError } from '@oci-package-proxy/errors';
import { fileTag } from '@oci-package-proxy/mapping';
import { isDeletedIn } from '@oci-package-proxy/storage';

import { canonicalVersion } from '../names/version.ts';
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
   * @throws ProxyError `not-found`; `upstream-unavailable` and its likes when upstream may list it and cannot be asked.
   */
  async file(name: string, filename: string, call: ManageCall): Promise<RemovalResult> {
    const places = await this.#read(name, call);
    const removed = await this.#remove(places, { ...call, isMeant: (file) => file.filename === filename });
    if (removed.length === 0 && !places.some(({ fold }) => isDeletedIn(fold, fileTag(filename)))) {
      throw new ProxyError('not-found', `${name} has no file ${quoted(filename)}, neither here nor at any upstream.`);
    }
    return { name, removed };
  }

  /** Deletes all files of a version, however it is spelled. @param name normalized. @throws ProxyError as {@link file}; `not-found` also when all of it was deleted before. */
  async version(name: string, version: string, call: ManageCall): Promise<RemovalResult> {
    const wanted = canonicalVersion(version);
    const isMeant = (file: PlacedFile): boolean => file.version !== null && canonicalVersion(file.version) === wanted;
    const removed = await this.#remove(await this.#read(name, call), { ...call, isMeant });
    if (removed.length === 0) {
      throw new ProxyError('not-found', `${name} has no version ${quoted(version)}, neither here nor at any upstream.`);
    }
    return { name, removed };
  }

  /** Deletes all files that a project has now. @param name normalized. @throws ProxyError as {@link version}. */
  async project(name: string, call: ManageCall): Promise<RemovalResult> {
    const removed = await this.#remove(await this.#read(name, call), { ...call, isMeant: () => true });
    if (removed.length === 0) {
      throw new ProxyError('not-found', `There are no files of ${name}, neither here nor at any upstream.`);
    }
    return { name, removed };
  }

  async #read(name: string, { signal }: ManageCall): Promise<readonly Place[]> {
    const places = await this.#places.read(name, { signal });
    for (const { failure } of places) {
      // Whatever upstream lists beyond what is known would stay to be had, and whoever deletes must be told.
      if (failure !== null) {
        throw failure;
      }
    }
    return places;
  }

  async #remove(places: readonly Place[], { by, signal, isMeant }: ManageCall & { readonly isMeant: (file: PlacedFile) => boolean }): Promise<readonly string[]> {
    const removed = new Set<string>();
    for (const { ref, files } of places) {
      const filenames = [...files.values()].filter(isMeant).map(({ filename }) => filename);
      await this.#ledger.delete(ref, filenames.map(fileTag), { by, signal });
      for (const filename of filenames) {
        removed.add(filename);
      }
    }
    return [...removed].sort();
  }
}
