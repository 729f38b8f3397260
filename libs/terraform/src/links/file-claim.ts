import type { Platform } from '../model/provider.ts';

/** Which file a link leads to. All that a server needs to find it again, wherever it is by then. */
export interface FileClaim {
  /** What kind of file it is. */
  readonly kind: 'provider-archive' | 'sums' | 'signature' | 'module-archive';
  /** Name of the package, as `PackageRef.name`. */
  readonly package: string;
  readonly version: string;
  /** Of `provider-archive`; for `sums` and `signature` of a pulled-through version the platform that they were asked for with. */
  readonly platform: Platform | null;
  /** Lower-case hex; null for a module's archive that nobody here has yet. */
  readonly sha256: string | null;
  /** What the client calls it: the last part of the URL. */
  readonly filename: string;
}

/** Makes links to files, and reads them. Links need no credential, and end. */
export interface FileLinks {
  /**
   * The path below the files' root: `<token>/<filename>`. The same claim gives the same path for some minutes, on every replica
   * and after a restart.
   */
  pathOf(claim: FileClaim): string;
  /** @throws ProxyError `forbidden` for a link that has ended or was never made here; the text says what to do. */
  read(token: string): Omit<FileClaim, 'filename'>;
}
