import type { Readable } from 'node:stream';

import type { ByteRange } from '@oci-package-proxy/oci';

import type { FileClaim } from '../links/file-claim.ts';
import type { ModuleAddress, ProviderAddress } from '../model/address.ts';
import type { ListedVersion, Platform, SigningKey } from '../model/provider.ts';
import type { ModuleDocument } from '../model/terraform-fact.ts';

/** How something is asked for. */
export interface ReadCall {
  readonly signal?: AbortSignal | undefined;
  /** Passes over what is cached. */
  readonly fresh?: boolean;
}

/** A file that can be had. */
export interface ServedFile {
  /** Where it is: for logs and metrics. */
  readonly cache: 'hit' | 'miss';
  /** Text of the strong entity tag: `sha256:<hex>` where that is known. */
  readonly etag: string;
  /** Bytes; null while nobody knows. */
  readonly size: number | null;
  readonly contentType: string;
  /** What is known once it is on its way: its size where nobody has said it before. @throws ProxyError as `Downloads.open`. */
  start(signal?: AbortSignal): Promise<ServedFile>;
  /** The bytes, or exactly `range` of them (on a miss: one that reaches to the end). @throws ProxyError `upstream-unavailable` and its likes, `storage-unavailable`. */
  open(range: ByteRange | undefined, signal: AbortSignal): Promise<Readable>;
}

/** The versions of a provider. */
export interface ProviderVersions {
  /** Yanked ones left out. */
  readonly versions: readonly ListedVersion[];
  /** What clients print: yanks, and what upstream warns of. */
  readonly warnings: readonly string[];
}

/** The hashes of one platform's archive. */
export interface ArchiveHashes {
  readonly platform: Platform;
  /** `zh:` and `h1:`. */
  readonly hashes: readonly string[];
  /** Bytes; null where nobody has said. */
  readonly size: number | null;
}

/** One platform of a provider version, with all that a client checks. */
export interface ProviderPackage {
  readonly version: string;
  readonly protocols: readonly string[];
  readonly platform: Platform;
  readonly archive: FileClaim;
  readonly sums: FileClaim;
  readonly signature: FileClaim;
  readonly keys: readonly SigningKey[];
  /** Of every platform, this one among them with its size; null where not enough is known. */
  readonly all: readonly ArchiveHashes[] | null;
}

/** A file of a mirror's version. */
export interface MirrorArchive extends ArchiveHashes {
  readonly archive: FileClaim;
}

/**
 * What is shown of providers. Everything is null when it does not exist and whoever would know was asked: never because upstream
 * failed, never from a list that was cached. All throw `ProxyError` as the ledger does, and `upstream-unavailable` and its likes
 * when upstream cannot be asked and nothing is held.
 */
export interface ProviderReader {
  versions(address: ProviderAddress, call?: ReadCall): Promise<ProviderVersions | null>;
  /** A yanked version is answered too: whoever names it exactly has it from a lock file or a mirror. */
  package(address: ProviderAddress, version: string, platform: Platform, call?: ReadCall): Promise<ProviderPackage | null>;
  /** All platforms of a version, for the network mirror protocol; hashes only where a signature or upstream's own list vouches for them. */
  archives(address: ProviderAddress, version: string, call?: ReadCall): Promise<readonly MirrorArchive[] | null>;
  file(claim: Omit<FileClaim, 'filename'>, call?: ReadCall): Promise<ServedFile | null>;
}

/** The versions of a module. */
export interface ModuleVersions {
  /** Yanked ones left out, in no order. */
  readonly versions: readonly string[];
}

/** A version of a module with all that is shown of it. */
export interface ModuleDetail {
  readonly address: ModuleAddress;
  readonly version: string;
  /** ISO 8601; empty where nobody knows. */
  readonly publishedAt: string;
  /** Null for a version that is not held. */
  readonly document: ModuleDocument | null;
  /** Newest first. */
  readonly versions: readonly string[];
}

/** The archive of a module version. */
export interface ModuleArchive extends FileClaim {
  /** Where in it the module is, as `net/vpc`; null: at its top. */
  readonly subdirectory: string | null;
}

/** What is shown of modules: nulls and errors as of {@link ProviderReader}. */
export interface ModuleReader {
  versions(address: ModuleAddress, call?: ReadCall): Promise<ModuleVersions | null>;
  /** The archive of a version; its digest is null while nobody here has it. */
  archive(address: ModuleAddress, version: string, call?: ReadCall): Promise<ModuleArchive | null>;
  /** @param version null: the latest. */
  detail(address: ModuleAddress, version: string | null, call?: ReadCall): Promise<ModuleDetail | null>;
  /** Addresses of all modules of a host in the catalogue, in no order. */
  addresses(host: string, call?: ReadCall): AsyncIterable<ModuleAddress>;
  file(claim: Omit<FileClaim, 'filename'>, call?: ReadCall): Promise<ServedFile | null>;
}
