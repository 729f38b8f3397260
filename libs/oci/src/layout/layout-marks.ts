import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { isProxyError, ProxyError } from '@oci-package-proxy/errors';

import { type Digest, isDigest } from '../model/digest.ts';
import { isTag } from '../model/grammar.ts';
import { referencesOf } from '../model/manifest-bytes.ts';
import { INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE, type ManifestBytes } from '../model/manifest.ts';
import { orNull } from './failure.ts';
import type { LayoutBlobs } from './layout-blobs.ts';
import type { LayoutFolder } from './layout-folder.ts';
import { decodeReference } from './reference-file.ts';

interface Root {
  readonly mediaType: string;
  readonly digest: Digest;
}

/**
 * Everything that a tag of the layout leads to: manifests, children of indexes, configs and layers. What `index.json` names
 * counts too, as other tools read and write that.
 * @throws ProxyError `integrity` when a tag or a manifest cannot be read: what it needs is not known then.
 */
export async function markReachable(folder: LayoutFolder, blobs: LayoutBlobs): Promise<ReadonlySet<Digest>> {
  const marked = new Set<Digest>();
  const waiting: Root[] = [...(await tagged(folder)), ...(await indexed(folder))];
  for (let root = waiting.pop(); root !== undefined; root = waiting.pop()) {
    if (marked.has(root.digest)) {
      continue;
    }
    marked.add(root.digest);
    if (root.mediaType === MANIFEST_MEDIA_TYPE || root.mediaType === INDEX_MEDIA_TYPE) {
      const bytes = await blobs.readSmall(root.digest);
      // What is not there needs nothing; `verify` tells of it.
      waiting.push(...(bytes === null ? [] : referencesOf({ ...root, bytes })));
    }
  }
  return marked;
}

async function tagged(folder: LayoutFolder): Promise<readonly Root[]> {
  const roots: Root[] = [];
  for (const tag of ((await orNull(readdir(folder.refs))) ?? []).filter(isTag)) {
    const text = await orNull(readFile(folder.ref(tag), 'utf8'));
    const reference = text === null ? null : decodeReference(text);
    if (text !== null && reference === null) {
      throw new ProxyError('integrity', `The file of tag ${tag} cannot be read.`);
    }
    roots.push(...(reference === null ? [] : [reference]));
  }
  return roots;
}

async function indexed(folder: LayoutFolder): Promise<readonly Root[]> {
  const bytes = await orNull(readFile(join(folder.path, 'index.json')));
  if (bytes === null) {
    return [];
  }
  try {
    return referencesOf(indexBytes(bytes)).filter(({ digest }) => isDigest(digest));
  } catch (error) {
    if (isProxyError(error, 'integrity')) {
      throw new ProxyError('integrity', 'index.json cannot be read.', { cause: error });
    }
    throw error;
  }
}

function indexBytes(bytes: Buffer): ManifestBytes {
  return { mediaType: INDEX_MEDIA_TYPE, digest: 'sha256:', bytes };
}
