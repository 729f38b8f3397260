import { ProxyError } from '@oci-package-proxy/errors';

import type { FileClaim } from '../links/file-claim.ts';
import { platformText, type SigningKey } from '../model/provider.ts';
import type { ArchiveHashes, ProviderPackage, ProviderVersions } from '../read/read-port.ts';
import { sortedByVersion } from '../versions/version.ts';
import { printableWarnings } from './warnings.ts';

/** `:namespace/:type/versions`. */
export function providerVersionsDocument({ versions, warnings }: ProviderVersions): object {
  const sorted = sortedByVersion(versions, ({ version }) => version);
  const texts = printableWarnings(warnings);
  return {
    versions: sorted.map(({ version, protocols, platforms }) => ({ version, protocols, platforms: platforms.map(({ os, arch }) => ({ os, arch })) })),
    ...(texts.length > 0 && { warnings: texts }),
  };
}

/** `:namespace/:type/:version/download/:os/:arch`. @param urlOf of a file, absolute or relative to the document's own URL. */
export function providerPackageDocument(found: ProviderPackage, urlOf: (claim: FileClaim) => string): object {
  const { archive, platform, all } = found;
  if (archive.sha256 === null) {
    throw new ProxyError('internal', `The archive of ${archive.package} ${archive.version} has no digest to be checked with`);
  }
  return {
    protocols: found.protocols,
    os: platform.os,
    arch: platform.arch,
    filename: archive.filename,
    download_url: urlOf(archive),
    shasums_url: urlOf(found.sums),
    shasums_signature_url: urlOf(found.signature),
    shasum: archive.sha256,
    signing_keys: { gpg_public_keys: found.keys.map(keyDocument) },
    ...(all !== null && isAccepted(all, platformText(platform), archive.sha256) && { packages: packagesDocument(all) }),
  };
}

function keyDocument({ keyId, asciiArmor, trustSignature, source, sourceUrl }: SigningKey): object {
  return { key_id: keyId, ascii_armor: asciiArmor, trust_signature: trustSignature, source, source_url: sourceUrl };
}

/** What OpenTofu checks, once it is there at all: rfc/20251027-provider-registry-hashes.md in its repository. Without it all works as before. */
function isAccepted(all: readonly ArchiveHashes[], platform: string, sha256: string): boolean {
  const own = all.find((archive) => platformText(archive.platform) === platform);
  const zipHashes = own?.hashes.filter((hash) => hash.startsWith('zh:')) ?? [];
  return own !== undefined && (own.size ?? 0) > 0 && zipHashes.length > 0 && zipHashes.every((hash) => hash === `zh:${sha256}`);
}

function packagesDocument(all: readonly ArchiveHashes[]): object {
  return Object.fromEntries(
    all.map(({ platform, hashes, size }) => [platformText(platform), { hashes, ...(size !== null && { package_size: size }) }]),
  );
}
