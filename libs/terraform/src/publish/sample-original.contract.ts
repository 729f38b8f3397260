import { bufferBlob, type Descriptor, type Digest, INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE, type ManifestBytes, type Repository } from '@oci-package-proxy/oci';
import type { ProviderRelease } from '@oci-package-proxy/testing';

const TYPE = 'application/vnd.tf.provider.v1+json';

/** How the original project came to store a version. */
export type OriginalWay =
  /** The upload: an index with one entry, the index. */
  | 'upload'
  /** `generate`, of which the inner index was copied. */
  | 'copied'
  /** `generate`, of which everything was copied. */
  | 'generated';

/** What is wrong with it. */
export interface OriginalOptions {
  readonly way: OriginalWay;
  /** Of its index; those of the original when absent. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Whether an entry says the name of its archive. Default true. */
  readonly named?: boolean;
}

interface Push {
  readonly descriptor: Descriptor;
  readonly manifest: ManifestBytes;
}

/** Stores a version as the original project does, byte for byte in the same fields. */
export async function pushOriginal(repository: Repository, tag: string, release: ProviderRelease, { way, annotations = annotationsOf(release), named = true }: OriginalOptions): Promise<void> {
  const entries: Descriptor[] = [];
  for (const archive of release.archives) {
    const [os = '', architecture = ''] = archive.platform.split('_');
    const zip = bufferBlob(Buffer.concat([...archive.pieces()]));
    const config = bufferBlob(Buffer.from(JSON.stringify({ os, architecture })));
    await repository.writeBlob(zip);
    await repository.writeBlob(config);
    const said: Readonly<Record<string, string>> = named ? { 'original-filename': archive.filename, 'original-file-digest': archive.sha256 } : {};
    const { descriptor } = await pushed(repository, {
      schemaVersion: 2,
      mediaType: MANIFEST_MEDIA_TYPE,
      ...(way === 'upload' && { artifactType: TYPE }),
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: config.digest, size: config.size },
      layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: zip.digest, size: zip.size }],
      annotations: said,
    });
    entries.push({ ...descriptor, artifactType: TYPE, platform: { os, architecture }, annotations: said });
  }
  const inner = await pushed(repository, { schemaVersion: 2, mediaType: INDEX_MEDIA_TYPE, manifests: entries, annotations });
  if (way === 'copied') {
    return repository.writeManifest(inner.manifest, { tag });
  }
  const listed = { ...inner.descriptor, ...(way === 'upload' && { artifactType: TYPE }), annotations: { 'org.opencontainers.image.ref.name': tag } };
  const outer = await pushed(repository, { schemaVersion: 2, mediaType: INDEX_MEDIA_TYPE, manifests: way === 'upload' ? [listed] : [...entries, listed], annotations: {} });
  await repository.writeManifest(outer.manifest, { tag });
}

/** The annotations of its index. */
export function annotationsOf({ sums, signature }: ProviderRelease): Record<string, string> {
  return { shasum: sums.bytes.toString('base64'), ...(signature !== null && { 'shasum-signature-encoded': signature.bytes.toString('base64') }) };
}

async function pushed(repository: Repository, content: { readonly mediaType: string; readonly [name: string]: unknown }): Promise<Push> {
  const bytes = Buffer.from(JSON.stringify(content));
  const digest: Digest = bufferBlob(bytes).digest;
  const manifest = { mediaType: content.mediaType, digest, bytes };
  await repository.writeManifest(manifest);
  return { manifest, descriptor: { mediaType: content.mediaType, digest, size: bytes.length } };
}
