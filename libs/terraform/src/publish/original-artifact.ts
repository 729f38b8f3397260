import { ProxyError } from '@oci-package-proxy/errors';
import { type Descriptor, type Index, INDEX_MEDIA_TYPE, isManifest, type Manifest, MAX_MANIFEST_BYTES, parseManifest, type Repository } from '@oci-package-proxy/oci';

import { shown } from '../archives/archive-failure.ts';
import { ORIGINAL_ANNOTATIONS, ORIGINAL_TYPE } from './original-types.ts';
import { MAX_FILES } from './upload-parts.ts';

const MAX_INDEXES = 16;
const BASE64 = /^[A-Za-z0-9+/\s]*={0,2}\s*$/;

/** An archive of an artifact of the original project. */
export interface OriginalArchive {
  readonly filename: string;
  /** The zip, whatever its media type says. */
  readonly layer: Descriptor;
}

/** A version as the original project stores it. */
export interface OriginalArtifact {
  readonly archives: readonly OriginalArchive[];
  /** Null: there is none. */
  readonly sums: Buffer | null;
  /** Null: there is none. */
  readonly signature: Buffer | null;
}

/**
 * Reads an artifact of the original project. Its index is under the tag itself (`generate` and a copy), or one within another one
 * (an upload).
 * @returns null for what is none: something else is under the tag.
 * @throws ProxyError `unprocessable` for one that is broken; what the registry throws.
 */
export async function readOriginal(repository: Repository, tag: string, signal?: AbortSignal): Promise<OriginalArtifact | null> {
  const outer = await manifestAt(repository, tag, signal);
  if (outer === null || isManifest(outer)) {
    return null;
  }
  const index = await providerIndex(repository, outer, signal);
  if (index === null) {
    return null;
  }
  // One that was pushed again while it was there is listed twice.
  const entries = [...new Map(index.manifests.filter(isPlatform).map((entry) => [entry.digest, entry])).values()];
  if (entries.length > MAX_FILES) {
    throw new ProxyError('unprocessable', `it has more than the ${MAX_FILES} archives that a version may have`);
  }
  const archives: OriginalArchive[] = [];
  for (const entry of entries) {
    archives.push(await archiveOf(repository, entry, signal));
  }
  return { archives, sums: decoded(index, ORIGINAL_ANNOTATIONS.sums), signature: decoded(index, ORIGINAL_ANNOTATIONS.signature) };
}

async function providerIndex(repository: Repository, outer: Index, signal: AbortSignal | undefined): Promise<Index | null> {
  const candidates = [outer];
  for (const { digest } of outer.manifests.filter(({ mediaType }) => mediaType === INDEX_MEDIA_TYPE).slice(0, MAX_INDEXES)) {
    const inner = await manifestAt(repository, digest, signal);
    if (inner !== null && !isManifest(inner)) {
      candidates.push(inner);
    }
  }
  const providers = candidates.filter(({ manifests }) => manifests.some(isPlatform));
  // One with sums goes before one that `generate` has left without.
  return providers.find(({ annotations }) => annotations?.[ORIGINAL_ANNOTATIONS.sums] !== undefined) ?? providers[0] ?? null;
}

async function archiveOf(repository: Repository, entry: Descriptor, signal: AbortSignal | undefined): Promise<OriginalArchive> {
  const filename = entry.annotations?.[ORIGINAL_ANNOTATIONS.filename];
  if (filename === undefined) {
    throw new ProxyError('unprocessable', `the manifest ${entry.digest} does not say the name of its archive`);
  }
  const manifest = await manifestAt(repository, entry.digest, signal);
  const layer = manifest !== null && isManifest(manifest) ? manifest.layers[0] : undefined;
  if (layer === undefined) {
    throw new ProxyError('unprocessable', `the manifest of ${shown(filename)} is lost, or has no archive`);
  }
  return { filename, layer };
}

async function manifestAt(repository: Repository, reference: string, signal: AbortSignal | undefined): Promise<Manifest | Index | null> {
  const stored = await repository.readManifest(reference, { signal });
  return stored === null || stored.bytes.length > MAX_MANIFEST_BYTES ? null : parseManifest(stored);
}

function isPlatform({ mediaType, artifactType }: Descriptor): boolean {
  return artifactType === ORIGINAL_TYPE && mediaType !== INDEX_MEDIA_TYPE;
}

function decoded({ annotations }: Index, name: string): Buffer | null {
  const text = annotations?.[name];
  if (text === undefined || text === '') {
    return null;
  }
  if (!BASE64.test(text)) {
    throw new ProxyError('unprocessable', `the annotation ${name} is not base64`);
  }
  return Buffer.from(text, 'base64');
}
