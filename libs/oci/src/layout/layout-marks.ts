import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { isProxyError, ProxyError } from '@oci-package-proxy/errors';

import { type Digest, isDigest } from '../model/digest.ts';
import { isTag } from '../model/grammar.ts';
import { isManifest, parseManifest, referencesOf } from '../model/manifest-bytes.ts';
import { INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE, type ManifestBytes } from '../model/manifest.ts';
import { orNull } from './failure.ts';
import type { LayoutBlobs } from './layout-blobs.ts';
import type { LayoutFolder } from './layout-folder.ts';
import { decodeReference, type Reference } from './reference-file.ts';

interface Root {
  readonly mediaType: string;
  readonly digest: Digest;
}

const DIGESTS = /sha256:[0-9a-f]{64}(?![0-9a-f])/g;
/** Of any tool, such as `application/vnd.docker.distribution.manifest.list.v2+json`. */
const NAMES_CONTENT = /manifest|index/;

/**
 * Everything that a tag of the layout leads to: manifests, children of indexes, configs and layers. What `index.json` names
 * counts too, as other tools read and write that; so do manifests of forms that we do not know, by every digest in them.
 * @throws ProxyError `integrity` when a tag or a manifest cannot be read: what it needs is not known then.
 */
export async function markReachable(folder: LayoutFolder, blobs: LayoutBlobs): Promise<ReadonlySet<Digest>> {
  const marked = new Set<Digest>();
  const followed = new Set<Digest>();
  const waiting: Root[] = [...(await tagged(folder, blobs)), ...(await indexed(folder))];
  for (let root = waiting.pop(); root !== undefined; root = waiting.pop()) {
    // What one manifest names as a file may be a manifest to another.
    if (!followed.has(root.digest)) {
      followed.add(root.digest);
      marked.add(root.digest);
      const { content, manifests } = await namedBy(root, blobs);
      for (const digest of content) {
        marked.add(digest);
      }
      waiting.push(...manifests);
    }
  }
  return marked;
}

interface Named {
  readonly content: readonly Digest[];
  readonly manifests: readonly Root[];
}

const NOTHING: Named = { content: [], manifests: [] };

async function namedBy(root: Root, blobs: LayoutBlobs): Promise<Named> {
  const bytes = await blobs.readSmall(root.digest);
  if (bytes === null) {
    // A child that is not there needs nothing, as indexes may be sparse; `verify` tells of it.
    if (NAMES_CONTENT.test(root.mediaType) && (await blobs.size(root.digest)) !== null) {
      throw new ProxyError('integrity', `The manifest ${root.digest} is larger than any that is read.`);
    }
    return NOTHING;
  }
  if (root.mediaType === MANIFEST_MEDIA_TYPE || root.mediaType === INDEX_MEDIA_TYPE) {
    const parsed = parseManifest({ ...root, bytes });
    return isManifest(parsed) ? { content: [parsed.config, ...parsed.layers].map(({ digest }) => digest), manifests: [] } : { content: [], manifests: parsed.manifests };
  }
  return { content: [], manifests: [...new Set(bytes.toString('latin1').match(DIGESTS))].filter(isDigest).map((digest) => ({ mediaType: '', digest })) };
}

async function tagged(folder: LayoutFolder, blobs: LayoutBlobs): Promise<readonly Root[]> {
  const roots: Root[] = [];
  for (const tag of ((await orNull(readdir(folder.refs))) ?? []).filter(isTag)) {
    const reference = await referenceOf(folder, tag);
    // Looked at twice: the tag may be replaced meanwhile, and another collector have removed what it led to.
    if (reference !== null && (await blobs.size(reference.digest)) === null && (await referenceOf(folder, tag))?.digest === reference.digest) {
      throw new ProxyError('integrity', `The manifest of tag ${tag} is missing.`);
    }
    roots.push(...(reference === null ? [] : [reference]));
  }
  return roots;
}

async function referenceOf(folder: LayoutFolder, tag: string): Promise<Reference | null> {
  const text = await orNull(readFile(folder.ref(tag), 'utf8'));
  const reference = text === null ? null : decodeReference(text);
  if (text !== null && reference === null) {
    throw new ProxyError('integrity', `The file of tag ${tag} cannot be read.`);
  }
  return reference;
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
