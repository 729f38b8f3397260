import { moduleArchive } from './module-archive.ts';
import { type Exchange, sendReleaseFile } from './terraform-upstream-bytes.ts';
import type { UpstreamView } from './terraform-upstream-model.ts';

/** Where the forges that are known have the archive of a ref. */
const ARCHIVES = [
  /^\/([^/]+\/[^/]+)\/tar\.gz\/(?:refs\/(?:tags|heads)\/)?(.+)$/,
  /^\/([^/]+\/[^/]+)\/archive\/(?:refs\/(?:tags|heads)\/)?(.+)\.tar\.gz$/,
  /^\/([^/]+\/[^/]+)\/-\/archive\/(.+)\/[^/]+\.tar\.gz$/,
  /^\/([^/]+\/[^/]+)\/get\/(.+)\.tar\.gz$/,
];

/** Sends the archive of a ref, wrapped in one directory, as forges do. @returns whether the path is that of one that there is. */
export function sendForgeArchive({ upstream }: UpstreamView, exchange: Exchange): boolean {
  for (const pattern of ARCHIVES) {
    const [, repository = '', ref = ''] = pattern.exec(exchange.path) ?? [];
    const files = upstream.repositories.get(repository)?.get(ref);
    if (files !== undefined) {
      const archive = moduleArchive({ files, format: 'tar.gz', wrapper: `${repository.split('/')[1]}-${ref}` });
      sendReleaseFile(archive, exchange, 'application/x-gzip').catch(() => exchange.response.destroy());
      return true;
    }
  }
  return false;
}
