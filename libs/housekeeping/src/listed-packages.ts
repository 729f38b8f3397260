import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import { parseManifest, type Registry } from '@oci-package-proxy/oci';
import { ANNOTATIONS, claimOf, claimSubject, kindOf, ORIGIN_TAG, type PackageRef } from '@oci-package-proxy/storage';

import { inParallel } from './in-parallel.ts';
import { type Problem, tagsOf } from './repository-check.ts';

const PACKAGES_AT_ONCE = 4;

/** Where packages without versions are looked for again, and who hears of them. */
export interface EmptySearch {
  readonly registry: Registry;
  readonly signal?: AbortSignal | undefined;
  onProblem(problem: Problem): void;
}

/** The packages that the catalogue lists, and the repositories that hold something: what is listed and nowhere may be lost. */
export class ListedPackages {
  readonly #unseen = new Map<string, readonly PackageRef[]>();
  readonly #held = new Set<string>();

  /** Before the places of the package are looked at. */
  list(places: readonly PackageRef[]): void {
    const [first] = places;
    if (first !== undefined && !this.#isHeld(places)) {
      this.#unseen.set(`${first.ecosystem} ${first.name}`, places);
    }
  }

  /** Tags of a repository were listed. */
  see(repository: string, tags: ReadonlySet<string>): void {
    if (holdsVersions(tags)) {
      this.hold(repository);
    }
  }

  /** Something is there, or nobody knows. */
  hold(repository: string): void {
    this.#held.add(repository);
  }

  /**
   * Reports the packages of which no version, event or deletion is anywhere: they are looked for again, as they may have been published
   * meanwhile. What came from upstream can come again, and is none; nor is one of which no version was ever decided: its first publish
   * failed, or is still sending its files, and nobody was told that it is here.
   * @throws ProxyError what the store throws.
   */
  async reportEmpty({ registry, signal, onProblem }: EmptySearch): Promise<void> {
    const unseen = [...this.#unseen.values()].filter((places) => !this.#isHeld(places));
    await inParallel(unseen, PACKAGES_AT_ONCE, async (places) => {
      const states = new Set<Emptiness>();
      for (const { repository } of places) {
        states.add(await emptiness(registry, repository, signal));
      }
      const [first] = places;
      if (first !== undefined && !states.has('none')) {
        const message = states.has('decided') ? 'the catalogue lists it, a version of it was decided, and none is there: it was lost, or its first publish is ending just now or was killed at its end' : 'the catalogue lists it, and nothing of it is there: it was lost, or a copy to here was stopped when it had just begun';
        onProblem({ ecosystem: first.ecosystem, package: first.name, repository: first.repository, tag: '', kind: 'catalogue', what: 'manifest', problem: 'empty', digest: null, message });
      }
    });
  }

  #isHeld(places: readonly PackageRef[]): boolean {
    return places.some(({ repository }) => this.#held.has(repository));
  }
}

/** `none`: there is something, or it need not be there. */
type Emptiness = 'none' | 'decided' | 'nothing';

async function emptiness(registry: Registry, name: string, signal: AbortSignal | undefined): Promise<Emptiness> {
  const repository = registry.repository(name);
  try {
    const tags = await tagsOf(repository, signal);
    if (tags.size === 0) {
      return 'nothing';
    }
    if (holdsVersions(tags)) {
      return 'none';
    }
    if (!wasDecided(tags)) {
      return 'none';
    }
    const stored = await repository.readManifest(ORIGIN_TAG, { signal });
    return stored !== null && parseManifest(stored).annotations?.[ANNOTATIONS.origin] === 'upstream' ? 'none' : 'decided';
  } catch (error) {
    if (!isReported(error)) {
      throw error;
    }
    return 'none';
  }
}

/** Whether a failure was reported when the repository was checked, or says nothing of this package. */
function isReported(error: unknown): error is ProxyError {
  return isProxyError(error, 'integrity') || isProxyError(error, 'storage-unavailable');
}

/** Whether rivals for a version were told apart. Where tags can only be created that leaves no trace. */
function wasDecided(tags: ReadonlySet<string>): boolean {
  const ofOrigin = claimSubject(ORIGIN_TAG);
  return [...tags].some((tag) => ![ofOrigin, undefined].includes(claimOf(tag)?.subject));
}

/** Whether there is more than where a package comes from and how that was decided: the ledger writes that first. */
function holdsVersions(tags: ReadonlySet<string>): boolean {
  return [...tags].some((tag) => kindOf(tag) !== 'origin' && kindOf(tag) !== 'claim');
}
