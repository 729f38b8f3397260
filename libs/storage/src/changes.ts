import type { PackageFolds } from './package-folds.ts';
import type { ChangeSink, LedgerLogger, PackageRef } from './package-ref.ts';

/** What {@link Changes} needs. */
export interface ChangesOptions {
  readonly folds: PackageFolds;
  readonly sink: ChangeSink | undefined;
  readonly logger: LedgerLogger;
}

/** What happens around every write: our own list is dropped, and the others are told. */
export class Changes {
  readonly #options: ChangesOptions;

  constructor(options: ChangesOptions) {
    this.#options = options;
  }

  /** Runs a write. Whether it succeeds or not, something may be visible afterwards: the cached list is dropped. */
  async around<T>(ref: PackageRef, write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } finally {
      this.#options.folds.invalidate(ref);
    }
  }

  /** Runs a write, and tells everybody however it ends: one that failed may be visible all the same. */
  async announced<T>(ref: PackageRef, write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } finally {
      await this.announce(ref);
    }
  }

  /** Tells everybody that the package changed. A notice that fails is logged: the write is stored all the same. */
  async announce(ref: PackageRef): Promise<void> {
    this.#options.folds.invalidate(ref);
    try {
      await this.#options.sink?.changed(ref);
    } catch (error) {
      this.#options.logger.warn({ repository: ref.repository, err: error }, 'a change could not be announced');
    }
  }
}
