import type { SpooledContent } from './module-spool.ts';

/** A file of a module as it is stored. */
export interface ModuleFile {
  /** Relative to the module's root, with slashes. */
  readonly path: string;
  readonly executable: boolean;
  readonly content: SpooledContent;
}

/** Sorts by the raw bytes of the paths. */
export function byPath(left: ModuleFile, right: ModuleFile): number {
  return Buffer.compare(Buffer.from(left.path), Buffer.from(right.path));
}
