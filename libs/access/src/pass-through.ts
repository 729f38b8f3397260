import type { RegistryRights } from '@oci-package-proxy/oci';

/** A repository that a package may lie in. */
export interface PassThroughPlace {
  /** Full name, as the registry knows it. */
  readonly repository: string;
  /** Whether anything is in it, as we see it with our own credential. @throws ProxyError `storage-unavailable`, `storage-denied`. */
  holds(): Promise<boolean>;
}

/** Where the rights of accounts come from that only the registry knows. */
export interface PassThrough {
  readonly rights: RegistryRights;
  /** Every place of a package, the usual one first; none when nothing can be called so. */
  placesOf(ecosystem: string, name: string): readonly PassThroughPlace[];
  /** Full name of the repository that stands before all packages; null: they begin at the registry's root. */
  readonly prefix: string | null;
}
