import type { ProviderArchive } from '../model/provider.ts';

/** Hashes as lock files have them, for `packages`: of the archive, and of the files in it where that is known. */
export function lockHashes({ sha256, h1 }: Pick<ProviderArchive, 'sha256' | 'h1'>): string[] {
  return [`zh:${sha256}`, ...(h1 === null ? [] : [h1])];
}

/**
 * Hashes as mirrors are compared with: clients compare an archive with the one over directory entries too. Any one that fits is enough,
 * and one that is to trust all of them writes them into its lock file, so that of the files alone is there as well.
 */
export function mirrorHashes({ sha256, h1, h1OfZip }: Pick<ProviderArchive, 'sha256' | 'h1' | 'h1OfZip'>): string[] {
  return [...new Set([`zh:${sha256}`, h1OfZip, h1].filter((hash) => hash !== null))];
}
