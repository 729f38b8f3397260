/** A package as the ledger sees it. The ecosystem makes it; the ledger only uses it. */
export interface PackageRef {
  readonly ecosystem: string;
  /** The name as the ecosystem writes it. */
  readonly name: string;
  /** The repository below the configured prefix, from `libs/mapping`. */
  readonly repository: string;
}

/** Where a package comes from; decided once. */
export type Origin = 'published' | 'upstream';

/** What JSON can say. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** Is told that a package changed, before the change is acknowledged. */
export interface ChangeSink {
  /** Never throws: a lost notice costs freshness for at most a list's lifetime. */
  changed(ref: PackageRef): Promise<void>;
}

/** What the ledger logs: things that are wrong in storage but must not fail a read. */
export interface LedgerLogger {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}
