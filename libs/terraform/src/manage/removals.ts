import { ProxyError } from '@oci-package-proxy/errors';
import { versionTag } from '@oci-package-proxy/mapping';
import { type Fold, isDeletedIn } from '@oci-package-proxy/storage';

import { versionIndexes } from '../ingest/version-index.ts';
import { blockKey, EVERY_VERSION } from '../model/terraform-fact.ts';
import { isBlocked } from '../read/version-marks.ts';
import { newestFirst } from '../versions/version.ts';
import { checkVersion, type ManageCall, type ManageLedger } from './manage-call.ts';
import type { ManagedPackage } from './managed-package.ts';
import type { PackagePlace, PackagePlaces } from './package-places.ts';
import { storedVersions } from './stored-versions.ts';
import { mayHave } from './yanks.ts';

/** What was deleted. */
export interface RemovalResult {
  /** Address of the package. */
  readonly name: string;
  /** Versions, the newest first; empty: all of it was deleted before. */
  readonly removed: readonly string[];
  /** Whether all that upstream has of it, now and later, is kept away too. */
  readonly blocked: 'version' | 'package' | null;
  /** What could not be done. */
  readonly warnings: readonly string[];
}

/** How a block was taken back. */
export interface UnblockResult {
  readonly name: string;
  /** Null: the whole package. */
  readonly version: string | null;
  /** False: it was not blocked. */
  readonly changed: boolean;
}

/**
 * Deletes versions for good. What was published can never be published again. What is pulled through is blocked too, so that nobody has
 * it from upstream either, whether or not it was ever stored; of a whole package, also what upstream adds later.
 */
export class Removals {
  readonly #ledger: ManageLedger;
  readonly #places: Pick<PackagePlaces, 'read'>;

  constructor({ ledger, places }: { readonly ledger: ManageLedger; readonly places: Pick<PackagePlaces, 'read'> }) {
    this.#ledger = ledger;
    this.#places = places;
  }

  /** Deletes a version; one that was deleted before is no error. @throws ProxyError `invalid` for what is no version; `not-found`. */
  async version(managed: ManagedPackage, text: string, call: ManageCall): Promise<RemovalResult> {
    const version = checkVersion(text);
    const place = await this.#places.read(managed, call);
    const { fold, name } = place;
    const wasBlocked = isBlocked(fold, version);
    if (!mayHave(place, version) && !wasBlocked && !isDeletedIn(fold, versionTag(version))) {
      throw new ProxyError('not-found', `${name} has no version ${version}${place.upstream === null ? '' : `, neither here nor at ${place.upstream}`}.`);
    }
    const isThere = place.stored.has(version) || (!wasBlocked && mayHave(place, version));
    return this.#delete(place, { removed: isThere ? [version] : [], version, block: wasBlocked ? null : version }, call);
  }

  /** Deletes all versions. @throws ProxyError `not-found` for what is not there and was not deleted either. */
  async all(managed: ManagedPackage, call: ManageCall): Promise<RemovalResult> {
    const place = await this.#places.read(managed, call);
    const { fold, stored, listed, failure } = place;
    const wasBlocked = isBlocked(fold, EVERY_VERSION);
    const removed = newestFirst(new Set([...stored.keys(), ...listed.keys()]));
    if (removed.length === 0 && failure === null && !wasBlocked && fold.deletedTags.size === 0) {
      throw new ProxyError('not-found', `There is nothing of ${place.name}, neither here nor at any upstream.`);
    }
    return this.#delete(place, { removed, version: null, block: wasBlocked ? null : EVERY_VERSION }, call);
  }

  /**
   * Lets what is pulled through come from upstream again, but for the files that were stored here when it was deleted.
   * @param text null: of a whole package. @throws ProxyError `invalid` for what is no version; `conflict` for a version of a package that is blocked as a whole.
   */
  async unblock(managed: ManagedPackage, text: string | null, { by, signal }: ManageCall): Promise<UnblockResult> {
    const version = text === null ? null : checkVersion(text);
    const { ref, fold, name } = await this.#places.read(managed, { signal });
    if (version !== null && isBlocked(fold, EVERY_VERSION)) {
      throw new ProxyError('conflict', `All of ${name} is blocked. Unblock the whole package first, then delete the versions that must not be had.`);
    }
    const changed = isBlocked(fold, version ?? EVERY_VERSION);
    if (changed) {
      await this.#ledger.record(ref, [{ key: blockKey(version ?? EVERY_VERSION), value: null }], { by, signal });
    }
    return { name, version, changed };
  }

  /** @param how `version`: null for all of them; `block`: null where that is done already. */
  async #delete(place: PackagePlace, { removed, version, block }: { readonly removed: readonly string[]; readonly version: string | null; readonly block: string | null }, { by, signal }: ManageCall): Promise<RemovalResult> {
    const { ref, fold, name, managed } = place;
    const call = { by, signal };
    const warnings: string[] = [];
    const isPulled = fold.origin !== 'published';
    if (isPulled && block !== null) {
      // First, so that nothing of it is stored any more meanwhile.
      await this.#ledger.record(ref, [{ key: blockKey(block), value: '' }], call);
    }
    // Upstream was waited for since the last look, and something of it may have been stored.
    const stored = storedVersions(managed.kind, await this.#ledger.fold(ref, { fresh: true, signal }));
    const versions = version === null ? [...stored.keys()] : [version];
    if (isPulled && managed.kind === 'provider') {
      // Before the files, so that a call which failed here finds them the next time, and knows the versions again.
      warnings.push(...(await this.#refreshIndexes(place, versions, signal)));
    }
    const left = await this.#ledger.delete(ref, versions.flatMap((one) => stored.get(one)?.tags ?? hiddenTag(fold, one)), call);
    warnings.push(...leftWarnings(ref, left));
    return { name, removed, blocked: isPulled ? blockOf(place, block) : null, warnings };
  }

  async #refreshIndexes({ ref }: PackagePlace, versions: readonly string[], signal: AbortSignal | undefined): Promise<readonly string[]> {
    const derive = (fold: Fold): ReturnType<typeof versionIndexes> => versions.flatMap((version) => versionIndexes(fold, version));
    const outcome = await this.#ledger.writeDerived(ref, derive, { signal });
    return outcome === 'unsupported'
      ? [`The registry does not let tags be rewritten: OpenTofu may still find ${versions.join(', ')} in ${ref.repository} when it reads the registry without this server. Remove the tags there.`]
      : [];
  }
}

/** Of tags that are versions to others: those of ours begin with `_`. */
function leftWarnings({ repository }: PackagePlace['ref'], left: readonly string[]): readonly string[] {
  const versions = left.filter((tag) => !tag.startsWith('_'));
  return versions.length === 0
    ? []
    : [`The registry does not let tags be deleted: OpenTofu may still find ${versions.join(', ')} in ${repository} when it reads the registry without this server. Remove the tags there.`];
}

/** What is deleted already may still be under its tag: whoever deleted it may have died before it was removed. */
function hiddenTag(fold: Fold, version: string): readonly string[] {
  const tag = versionTag(version);
  return isDeletedIn(fold, tag) ? [tag] : [];
}

function blockOf({ fold }: PackagePlace, block: string | null): 'version' | 'package' {
  return block === EVERY_VERSION || isBlocked(fold, EVERY_VERSION) ? 'package' : 'version';
}
