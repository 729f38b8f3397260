import type { Descriptor } from './descriptor.ts';
import { digestOf, type Digest } from './digest.ts';

/** Media type of an image (and artifact) manifest. */
export const MANIFEST_MEDIA_TYPE = 'application/vnd.oci.image.manifest.v1+json';
/** Media type of an image index. */
export const INDEX_MEDIA_TYPE = 'application/vnd.oci.image.index.v1+json';
/** Media type of the empty config. */
export const EMPTY_MEDIA_TYPE = 'application/vnd.oci.empty.v1+json';
/** The bytes of the empty config: `{}`. It must be uploaded like any other blob. */
export const EMPTY_BYTES: Buffer = Buffer.from('{}');

/** An artifact manifest: https://github.com/opencontainers/image-spec/blob/main/manifest.md */
export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType: typeof MANIFEST_MEDIA_TYPE;
  readonly artifactType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An image index: https://github.com/opencontainers/image-spec/blob/main/image-index.md */
export interface Index {
  readonly schemaVersion: 2;
  readonly mediaType: typeof INDEX_MEDIA_TYPE;
  readonly artifactType?: string;
  readonly manifests: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A manifest's or index's bytes as they are stored: their identity is their digest, so they are serialised once. */
export interface ManifestBytes {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly bytes: Buffer;
}

/** The descriptor of the empty config, its content inline. */
export const EMPTY_DESCRIPTOR: Descriptor = {
  mediaType: EMPTY_MEDIA_TYPE,
  digest: digestOf(EMPTY_BYTES),
  size: EMPTY_BYTES.length,
  data: EMPTY_BYTES.toString('base64'),
};
