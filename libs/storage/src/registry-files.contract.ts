import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { ManifestBytes } from '@oci-package-proxy/oci';

/** A tag as it is to be there. */
export interface WrittenTag {
  readonly tag: string;
  readonly manifest: ManifestBytes;
}

/**
 * Writes tags where docker-registry keeps them, before it starts, as its filesystem driver lays them out: twenty thousand by HTTP would take minutes.
 * Left out is what neither a list nor a read needs: the blobs that the manifests name, and what a tag was before.
 * @param how `directory` of {@link startDockerRegistry}; `listedOnly`: whoever reads one of the tags, and does not only list them, is told that it is
 * not there.
 */
export function writeRegistryTags(tags: Iterable<WrittenTag>, how: { readonly directory: string; readonly repository: string; readonly listedOnly: boolean }): void {
  const root = join(how.directory, 'data/docker/registry/v2');
  const manifests = join(root, 'repositories', how.repository, '_manifests');
  for (const { tag, manifest } of tags) {
    const hex = manifest.digest.slice('sha256:'.length);
    write(join(manifests, 'tags', tag, 'current'), 'link', manifest.digest);
    if (!how.listedOnly) {
      write(join(manifests, 'revisions/sha256', hex), 'link', manifest.digest);
      write(join(root, 'blobs/sha256', hex.slice(0, 2), hex), 'data', manifest.bytes);
    }
  }
}

function write(directory: string, file: string, content: string | Buffer): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, file), content);
}
