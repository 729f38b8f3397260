import { ProxyError } from '@oci-package-proxy/errors';

import { shown } from '../archives/archive-failure.ts';
import { manifestFilename, sumsFilename } from '../archives/provider-filename.ts';
import { protocolsIn } from '../archives/provider-manifest.ts';
import { inspectProviderZip } from '../archives/provider-zip.ts';
import type { ProviderAddress } from '../model/address.ts';
import type { ProviderArchive, SigningKey } from '../model/provider.ts';
import { isPublishable } from '../versions/version.ts';
import { type ReleaseArchive, type ReleaseFile, releaseFiles, type ReleaseFiles } from './release-files.ts';
import type { ReleaseTarget } from './release-name.ts';
import { checkedSignature, type ReleaseSigners, signedHere, type SumsSignature } from './release-signature.ts';
import { checkSums, madeSums } from './release-sums.ts';
import { bytesOf } from './upload-file.ts';

// What every registry assumes of a provider that does not say.
const ASSUMED_PROTOCOL = '5.0';

/** A release whose files were checked. */
export interface CheckedRelease {
  readonly address: ProviderAddress;
  readonly version: string;
  /** What is said of each archive, and where it is. */
  readonly archives: readonly (ProviderArchive & { readonly size: number; readonly path: string })[];
  readonly sums: Buffer;
  /** Binary. */
  readonly signature: Buffer;
  readonly manifest: Buffer | null;
  /** Like `5.0`. */
  readonly protocols: readonly string[];
  /** Those that the signature was made with. */
  readonly keys: readonly SigningKey[];
  /** Names of what was sent. */
  readonly filenames: readonly string[];
  readonly warnings: readonly string[];
}

/** What is to be checked. */
export interface ReleaseRequest {
  readonly address: ProviderAddress;
  readonly version: string;
  readonly files: readonly ReleaseFile[];
  readonly signers: Omit<ReleaseSigners, 'namespace'>;
  readonly signal?: AbortSignal | undefined;
}

/** Sees that a version can be published. @throws ProxyError `invalid` for one that clients cannot read. */
export function checkVersion(version: string): void {
  if (!isPublishable(version)) {
    const hint = /^v\d/i.test(version) ? ' Leave out the v.' : '';
    throw new ProxyError('invalid', `${shown(JSON.stringify(version))} is no version as clients read it, such as 1.2.3 or 1.2.3-rc.1.${hint}`);
  }
}

/**
 * Sees that a release is whole, is what its names say, and that clients will accept it.
 * @throws ProxyError `invalid` for what is missing or wrongly named; `unprocessable` for what contradicts itself, or no client could
 * install; `forbidden` where no key of the namespace signed it; `aborted`, `storage-unavailable`.
 */
export async function checkRelease({ address, version, files: sent, signers, signal }: ReleaseRequest): Promise<CheckedRelease> {
  checkVersion(version);
  const target: ReleaseTarget = { type: address.type, version };
  const files = releaseFiles(sent, target);
  const { sums, warnings, signature, keys } = await checkedSums(files, target, { ...signers, namespace: address.namespace });
  const manifest = files.manifest === null ? null : await bytesOf(files.manifest.path);
  const protocols = manifest === null ? [ASSUMED_PROTOCOL] : protocolsIn(manifest);
  const assumed = manifest === null ? [`There is no ${manifestFilename(target.type, version)}, so the provider is taken to speak protocol ${ASSUMED_PROTOCOL}.`] : [];
  const inspected = await inspectedArchives(files.archives, target, signal);
  return {
    address,
    version,
    archives: inspected.archives,
    sums,
    signature,
    manifest,
    protocols,
    keys,
    filenames: [...files.archives, files.sums, files.signature, files.manifest].flatMap((file) => file?.name.filename ?? []),
    warnings: [...warnings, ...assumed, ...inspected.warnings],
  };
}

async function checkedSums(files: ReleaseFiles, target: ReleaseTarget, signers: ReleaseSigners): Promise<SumsSignature & { readonly sums: Buffer; readonly warnings: readonly string[] }> {
  const filename = files.sums?.name.filename ?? sumsFilename(target.type, target.version);
  if (files.sums === null && (signers.signer === null || files.signature !== null)) {
    throw new ProxyError('invalid', `${filename} is missing: clients check every archive against it. Make it (sha256sum *.zip > ${filename}), sign it, and send both.`);
  }
  const sums = files.sums === null ? madeSums(files, target) : await bytesOf(files.sums.path);
  const warnings = checkSums(sums, files, target);
  const signed = files.signature === null ? await signedHere(sums, filename, signers) : await checkedSignature(sums, await bytesOf(files.signature.path), signers);
  return { sums, warnings, ...signed };
}

async function inspectedArchives(
  archives: readonly ReleaseArchive[],
  target: ReleaseTarget,
  signal: AbortSignal | undefined,
): Promise<{ readonly archives: CheckedRelease['archives']; readonly warnings: readonly string[] }> {
  const inspected: CheckedRelease['archives'][number][] = [];
  const warnings: string[] = [];
  // One after the other: each takes a core for as long as it is inflated.
  for (const { name, path, size, sha256, platform } of archives) {
    const { h1, h1OfZip, warnings: noticed } = await inspectProviderZip(path, { ...target, platform, signal });
    inspected.push({ platform, filename: name.filename, sha256, size, h1, h1OfZip, path });
    warnings.push(...noticed.map((warning) => `${shown(name.filename)}: ${warning}`));
  }
  return { archives: inspected, warnings };
}
