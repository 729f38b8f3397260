import type { FileClaim } from '../links/file-claim.ts';
import { platformText } from '../model/provider.ts';
import type { MirrorArchive, ProviderVersions } from '../read/read-port.ts';
import { newestFirst } from '../versions/version.ts';

/** `:hostname/:namespace/:type/index.json` of the network mirror protocol. */
export function mirrorIndexDocument({ versions }: Pick<ProviderVersions, 'versions'>): object {
  return { versions: Object.fromEntries(newestFirst(versions.map(({ version }) => version)).map((version) => [version, {}])) };
}

/** `:hostname/:namespace/:type/:version.json`. @param urlOf of a file, absolute or relative to the document's own URL. */
export function mirrorVersionDocument(archives: readonly MirrorArchive[], urlOf: (claim: FileClaim) => string): object {
  const entries = archives.map(({ platform, archive, hashes }) => [platformText(platform), { url: urlOf(archive), ...(hashes.length > 0 && { hashes }) }] as const);
  return { archives: Object.fromEntries(entries) };
}
