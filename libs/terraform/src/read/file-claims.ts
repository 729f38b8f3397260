import { signatureFilename, sumsFilename } from '../archives/provider-filename.ts';
import type { FileClaim } from '../links/file-claim.ts';
import { type ProviderAddress, providerRef } from '../model/address.ts';
import type { Platform, ProviderArchive } from '../model/provider.ts';

/** A version of a provider. */
export interface ProviderVersion {
  readonly address: ProviderAddress;
  readonly version: string;
}

/** The claim of an archive. */
export function archiveClaim({ address, version }: ProviderVersion, { platform, filename, sha256 }: Pick<ProviderArchive, 'platform' | 'filename' | 'sha256'>): FileClaim {
  return { kind: 'provider-archive', package: providerRef(address).name, version, platform, sha256, filename };
}

/** What the claims of the small files name besides the version: digests in lower-case hex. */
export interface SmallFiles {
  readonly sums: string;
  readonly signature: string;
  /** Null where all platforms share them. */
  readonly platform: Platform | null;
}

/** The claims of SHA256SUMS and its signature. */
export function smallFileClaims({ address, version }: ProviderVersion, { sums, signature, platform }: SmallFiles): { readonly sums: FileClaim; readonly signature: FileClaim } {
  const { type } = address;
  const shared = { package: providerRef(address).name, version, platform };
  return {
    sums: { ...shared, kind: 'sums', sha256: sums, filename: sumsFilename(type, version) },
    signature: { ...shared, kind: 'signature', sha256: signature, filename: signatureFilename(type, version) },
  };
}
