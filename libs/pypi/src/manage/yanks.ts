import { ProxyError } from '@oci-package-proxy/errors';

import { yankedFileKey, yankedVersionKey } from '../model/fold-keys.ts';
import { publishedRef } from '../model/holdings.ts';
import { canonicalVersion } from '../names/version.ts';
import { checkReason, type ManageCall, type ManageLedger, quoted } from './manage-call.ts';
import type { Place, ProjectPlaces } from './project-places.ts';

/** What is yanked: a version with all its files, also those that come later, or one file. */
export type YankTarget = { readonly version: string } | { readonly filename: string };

/** How a yank ended. */
export interface YankResult {
  /** Normalized. */
  readonly name: string;
  /** As it was given; null where a file was. */
  readonly version: string | null;
  readonly filename: string | null;
  /** The reason, empty for none; null: not yanked by us any more. */
  readonly yanked: string | null;
  /** False: it was so already, and nothing was written. */
  readonly changed: boolean;
}

/**
 * Yanks what is published here and what is pulled through alike: an operator may warn of a bad public version. Unyanking takes back
 * what was said here; what upstream yanked stays yanked.
 */
export class Yanks {
  readonly #ledger: Pick<ManageLedger, 'record'>;
  readonly #places: Pick<ProjectPlaces, 'read'>;

  constructor({ ledger, places }: { readonly ledger: Pick<ManageLedger, 'record'>; readonly places: Pick<ProjectPlaces, 'read'> }) {
    this.#ledger = ledger;
    this.#places = places;
  }

  /**
   * Yanks a version or a file, PEP 592. Doing it twice with the same reason writes nothing.
   * @param name normalized.
   * @param how `reason`: empty for none.
   * @throws ProxyError `invalid` for a reason that cannot be shown; `not-found` when nothing of that kind is there;
   * `upstream-unavailable` and its likes when only upstream could tell.
   */
  async yank(name: string, target: YankTarget, how: ManageCall & { readonly reason: string }): Promise<YankResult> {
    return this.#set(name, target, { ...how, value: checkReason(how.reason) });
  }

  /** Takes a yank of ours back. @param name normalized. @throws ProxyError as {@link yank}. */
  async unyank(name: string, target: YankTarget, call: ManageCall): Promise<YankResult> {
    return this.#set(name, target, { ...call, value: null });
  }

  async #set(name: string, target: YankTarget, { value, by, signal }: ManageCall & { readonly value: string | null }): Promise<YankResult> {
    const key = keyOf(target);
    const places = await this.#places.read(name, { signal, fresh: true });
    const having = places.filter((place) => has(place, target) || valueOf(place, key) !== null);
    const unknown = places.filter(({ failure }) => failure !== null);
    if (having.length === 0) {
      throw unknown[0]?.failure ?? new ProxyError('not-found', `${name} has no ${describe(target)}, neither here nor at any upstream.`);
    }
    // Where upstream cannot be asked now, the version may be there too, and where uploads go it may come; a mark on what is not there does no harm.
    const possible = value === null ? [] : [...unknown, ...('version' in target ? places.filter((place) => takesUploads(place, name)) : [])];
    const outdated = [...new Set([...having, ...possible])].filter((place) => valueOf(place, key) !== value);
    for (const { ref } of outdated) {
      await this.#ledger.record(ref, [{ key, value }], { by, signal });
    }
    const { version, filename } = { version: null, filename: null, ...target };
    return { name, version, filename, yanked: value, changed: outdated.length > 0 };
  }
}

function keyOf(target: YankTarget): string {
  return 'version' in target ? yankedVersionKey(canonicalVersion(target.version)) : yankedFileKey(target.filename);
}

function takesUploads({ ref, fold }: Place, name: string): boolean {
  return fold.origin === 'published' || ref.repository === publishedRef(name).repository;
}

function valueOf({ fold }: Pick<Place, 'fold'>, key: string): string | null {
  const value = fold.values.get(key)?.value;
  return typeof value === 'string' ? value : null;
}

function has({ files }: Place, target: YankTarget): boolean {
  if ('filename' in target) {
    return files.has(target.filename);
  }
  const wanted = canonicalVersion(target.version);
  return [...files.values()].some(({ version }) => version !== null && canonicalVersion(version) === wanted);
}

function describe(target: YankTarget): string {
  return 'version' in target ? `version ${quoted(target.version)}` : `file ${quoted(target.filename)}`;
}
