import type { Holding } from './holding.ts';
import type { NamedPackage } from './scope.ts';

/** Which of the packages that were asked for by name turned out to be nowhere: whoever misspells one must not read that all is well with it. */
export class AskedNames {
  readonly #absent = new Map<string, NamedPackage>();
  readonly #found = new Set<string>();

  /** Before the places of the package are looked at. */
  ask({ ecosystem, name }: NamedPackage): void {
    const named = { ecosystem, name };
    if (!this.#found.has(keyOf(named))) {
      this.#absent.set(keyOf(named), named);
    }
  }

  /** Something is held there. */
  find({ ecosystem, name }: Holding): void {
    if (ecosystem !== null && name !== null) {
      this.#absent.delete(keyOf({ ecosystem, name }));
      this.#found.add(keyOf({ ecosystem, name }));
    }
  }

  /** In the order in which they were asked for. */
  get absent(): readonly NamedPackage[] {
    return [...this.#absent.values()];
  }
}

function keyOf({ ecosystem, name }: NamedPackage): string {
  return `${ecosystem} ${name}`;
}
