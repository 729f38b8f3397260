import { ProxyError } from '@oci-package-proxy/errors';

import type { Descriptor } from './descriptor.ts';
import { digestOf, isDigest } from './digest.ts';
import { type Index, INDEX_MEDIA_TYPE, type Manifest, MANIFEST_MEDIA_TYPE, type ManifestBytes } from './manifest.ts';

/** Largest manifest, in bytes, that is read or written: what registries must take at least. */
export const MAX_MANIFEST_BYTES: number = 4 * 1024 * 1024;

/** Serialises a manifest, once: its bytes are its identity. */
export function manifestBytes(manifest: Manifest | Index): ManifestBytes {
  const bytes = Buffer.from(JSON.stringify(manifest), 'utf8');
  return { mediaType: manifest.mediaType, digest: digestOf(bytes), bytes };
}

/**
 * What every driver asks of a manifest before it writes it.
 * @throws ProxyError `too-large` above {@link MAX_MANIFEST_BYTES}, `integrity` when the bytes do not have the digest.
 */
export function checkManifestBytes(manifest: ManifestBytes, subject: string): void {
  if (manifest.bytes.length > MAX_MANIFEST_BYTES) {
    throw new ProxyError('too-large', `${subject}: over ${MAX_MANIFEST_BYTES} bytes`);
  }
  if (digestOf(manifest.bytes) !== manifest.digest) {
    throw new ProxyError('integrity', `${subject}: the bytes do not have the digest ${manifest.digest}`);
  }
}

/** What a manifest or index names: its blobs or its children. @throws as {@link parseManifest}. */
export function referencesOf(manifest: ManifestBytes): readonly Descriptor[] {
  const parsed = parseManifest(manifest);
  return isManifest(parsed) ? [parsed.config, ...parsed.layers] : parsed.manifests;
}

/**
 * The manifest in stored bytes. Fields that we do not know are kept out of the way, not refused.
 * @throws ProxyError `integrity` when it is no manifest or index.
 */
export function parseManifest(stored: ManifestBytes): Manifest | Index {
  const value = parseObject(stored);
  const mediaType = value['mediaType'] ?? stored.mediaType;
  if (mediaType === MANIFEST_MEDIA_TYPE && isDescriptor(value['config']) && isDescriptorList(value['layers'])) {
    return { ...value, mediaType } as unknown as Manifest;
  }
  if (mediaType === INDEX_MEDIA_TYPE && isDescriptorList(value['manifests'])) {
    return { ...value, mediaType } as unknown as Index;
  }
  throw new ProxyError('integrity', `Storage holds a manifest ${stored.digest} that is neither an image manifest nor an index.`);
}

/** Whether it is a manifest, not an index. */
export function isManifest(value: Manifest | Index): value is Manifest {
  return value.mediaType === MANIFEST_MEDIA_TYPE;
}

function parseObject(stored: ManifestBytes): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(stored.bytes.toString('utf8'));
    if (isRecord(value) && (value['annotations'] === undefined || isStringMap(value['annotations']))) {
      return value;
    }
  } catch {
    // Said below.
  }
  throw new ProxyError('integrity', `Storage holds a manifest ${stored.digest} that cannot be read.`);
}

function isDescriptorList(value: unknown): boolean {
  return Array.isArray(value) && value.every(isDescriptor);
}

function isDescriptor(value: unknown): boolean {
  return isRecord(value) && typeof value['mediaType'] === 'string' && typeof value['digest'] === 'string' && isDigest(value['digest']) && Number.isSafeInteger(value['size']);
}

function isStringMap(value: unknown): boolean {
  return isRecord(value) && Object.values(value).every((member) => typeof member === 'string');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
