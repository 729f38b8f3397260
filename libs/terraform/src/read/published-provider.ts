import type { Fact, Fold } from '@oci-package-proxy/storage';

import { lockHashes, mirrorHashes } from '../documents/archive-hashes.ts';
import { yankWarnings } from '../documents/warnings.ts';
import { type Platform, platformText, type ProviderArchive } from '../model/provider.ts';
import { layerOf, type ProviderDocument, providerDocumentOf, TERRAFORM_TYPES } from '../model/terraform-fact.ts';
import { archiveClaim, type ProviderVersion, smallFileClaims } from './file-claims.ts';
import { hexOf, lostFile } from './stored-layer.ts';
import type { MirrorArchive, ProviderPackage, ProviderVersions } from './read-port.ts';
import { shownVersions } from './version-marks.ts';

/** Whether a fact is a version that was published here. */
export function isPublishedVersion({ artifactType, origin }: Pick<Fact, 'artifactType' | 'origin'>): boolean {
  return origin === 'published' && artifactType === TERRAFORM_TYPES.provider;
}

// Folds are kept and handed out again as long as nothing changes.
const LISTED = new WeakMap<Fold, ProviderVersions>();

/** What was published here of a provider; null when there is nothing any more. */
export function publishedVersions(fold: Fold): ProviderVersions | null {
  const known = LISTED.get(fold);
  if (known !== undefined) {
    return known;
  }
  const documents = [...fold.facts.values()].filter(isPublishedVersion).map(providerDocumentOf);
  if (documents.length === 0) {
    return null;
  }
  const listed = documents.map(({ version, protocols, archives }) => ({ version, protocols, platforms: archives.map(({ platform }) => platform) }));
  const { versions, yanks } = shownVersions(listed, fold);
  const shown = { versions, warnings: yankWarnings(yanks) };
  LISTED.set(fold, shown);
  return shown;
}

/** One platform of a version; null when the version does not have it. @throws ProxyError `storage-unavailable` for a version without its signed sums. */
export function publishedPackage(of: ProviderVersion, fact: Fact, platform: Platform): ProviderPackage | null {
  const document = providerDocumentOf(fact);
  const archive = publishedArchive(document, platform);
  if (archive === null) {
    return null;
  }
  const [sums, signature] = [layerOf(fact, TERRAFORM_TYPES.sums), layerOf(fact, TERRAFORM_TYPES.signature)];
  if (sums === null || signature === null) {
    throw lostFile(`${of.address.type} ${of.version}: SHA256SUMS and its signature`);
  }
  return {
    version: document.version,
    protocols: document.protocols,
    platform,
    archive: archiveClaim(of, archive),
    ...smallFileClaims(of, { sums: hexOf(sums.digest), signature: hexOf(signature.digest), platform: null }),
    keys: document.keys,
    all: document.archives.map((one) => ({ platform: one.platform, hashes: lockHashes(one), size: one.size })),
  };
}

/** All platforms of a version, as a mirror has them. */
export function publishedArchives(of: ProviderVersion, fact: Fact): readonly MirrorArchive[] {
  return providerDocumentOf(fact).archives.map((archive) => ({ platform: archive.platform, hashes: mirrorHashes(archive), size: archive.size, archive: archiveClaim(of, archive) }));
}

/** The archive of a platform; null when the version does not have it. */
export function publishedArchive({ archives }: Pick<ProviderDocument, 'archives'>, platform: Platform | null): ProviderArchive | null {
  const wanted = platform === null ? null : platformText(platform);
  return archives.find((archive) => platformText(archive.platform) === wanted) ?? null;
}
