import { parseProviderFilename } from '../archives/provider-filename.ts';
import type { UpstreamPackage } from '../documents/upstream-provider.ts';
import { platformText, type Platform, type ProviderArchive } from '../model/provider.ts';
import type { ProviderVersion } from './file-claims.ts';
import type { HeldPackage } from './held-provider.ts';
import type { ArchiveHashes } from './read-port.ts';

// What the names of archives end in, whatever else their author put into them.
const ENDING = /_([a-z0-9]+)_([a-z0-9]+)\.zip$/;

/** The archives of a version by platform, each with what is known of it. */
export type VersionArchives = ReadonlyMap<string, ProviderArchive>;

/** A stored archive that upstream now announces with other bytes. */
export interface PinnedArchive {
  readonly platform: Platform;
  /** Lower-case hex. */
  readonly stored: string;
  readonly announced: string;
}

/** The archives that SHA256SUMS name. Of two for one platform that counts which is named as it should be. */
export function archivesInSums(files: ReadonlyMap<string, string>, { address, version }: ProviderVersion): VersionArchives {
  const archives = new Map<string, ProviderArchive>();
  const exact = new Set<string>();
  for (const [filename, sha256] of files) {
    const [, os, arch] = ENDING.exec(filename) ?? [];
    if (os === undefined || arch === undefined) {
      continue;
    }
    const platform = { os, arch };
    const key = platformText(platform);
    const isExact = isNamedExactly(filename, { address, version });
    if (!archives.has(key) || (isExact && !exact.has(key))) {
      archives.set(key, { platform, filename, sha256, size: null, h1: null, h1OfZip: null });
    }
    if (isExact) {
      exact.add(key);
    }
  }
  return archives;
}

/** The archives with the one that upstream described, and what it says of the others: hashes of files where its hashes of the archive are the signed ones. */
export function withDescribed(archives: VersionArchives, { platform, filename, sha256, all }: UpstreamPackage): VersionArchives {
  const described = new Map(archives).set(platformText(platform), { platform, filename, sha256, size: null, h1: null, h1OfZip: null });
  for (const said of all ?? []) {
    const key = platformText(said.platform);
    const archive = described.get(key);
    if (archive !== undefined && isOfSameArchive(said, archive)) {
      described.set(key, { ...archive, size: said.size, h1: said.hashes.find((hash) => hash.startsWith('h1:')) ?? null });
    }
  }
  return described;
}

/** The archives as they are stored, where they are: their bytes stay, whatever upstream announces now. */
export function withHeld(archives: VersionArchives, held: readonly HeldPackage[]): { readonly archives: VersionArchives; readonly pinned: readonly PinnedArchive[] } {
  const all = new Map(archives);
  const pinned: PinnedArchive[] = [];
  for (const { archive } of held.map(({ document }) => document)) {
    const key = platformText(archive.platform);
    const announced = archives.get(key);
    if (announced !== undefined && announced.sha256 !== archive.sha256) {
      pinned.push({ platform: archive.platform, stored: archive.sha256, announced: announced.sha256 });
    }
    all.set(key, archive);
  }
  return { archives: all, pinned };
}

function isNamedExactly(filename: string, { address, version }: ProviderVersion): boolean {
  const parsed = parseProviderFilename(filename);
  return parsed?.kind === 'archive' && parsed.type.toLowerCase() === address.type && parsed.version === version;
}

function isOfSameArchive({ hashes }: ArchiveHashes, { sha256 }: ProviderArchive): boolean {
  const zipHashes = hashes.filter((hash) => hash.startsWith('zh:'));
  return zipHashes.length > 0 && zipHashes.every((hash) => hash === `zh:${sha256}`);
}
