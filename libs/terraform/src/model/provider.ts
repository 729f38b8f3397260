/** What a provider's program runs on, in Go's words. */
export interface Platform {
  readonly os: string;
  readonly arch: string;
}

/** A public key that a client checks the signature of SHA256SUMS with. */
export interface SigningKey {
  /** 16 upper-case hex digits. */
  readonly keyId: string;
  readonly asciiArmor: string;
  /** What a registry's own partner key says of this key: passed on unchanged, empty where there is none. */
  readonly trustSignature: string;
  /** Who the key belongs to, for people; empty where nobody says. */
  readonly source: string;
  readonly sourceUrl: string;
}

/** One version of a provider, as a list of versions shows it. */
export interface ListedVersion {
  /** Without `v`. */
  readonly version: string;
  /** Like `5.0`. */
  readonly protocols: readonly string[];
  readonly platforms: readonly Platform[];
}

/** The archive of one platform. */
export interface ProviderArchive {
  readonly platform: Platform;
  readonly filename: string;
  /** Lower-case hex. */
  readonly sha256: string;
  /** Bytes; null where nobody has said. */
  readonly size: number | null;
  /** `h1:` over the files alone, as lock files have it; null while the archive was not read. */
  readonly h1: string | null;
  /** `h1:` over files and directory entries, as mirrors are compared; null while the archive was not read. */
  readonly h1OfZip: string | null;
}

/** `linux_amd64` */
export function platformText({ os, arch }: Platform): string {
  return `${os}_${arch}`;
}
