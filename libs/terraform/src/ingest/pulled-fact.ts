import { isProxyError } from '@oci-package-proxy/errors';
import { bufferBlob, fileBlob } from '@oci-package-proxy/oci';
import type { NewFact, NewLayer } from '@oci-package-proxy/storage';
import type { SpooledFile } from '@oci-package-proxy/upstream';

import { type ZipHashes, zipHashes } from '../archives/provider-zip.ts';
import { encodeDocument, OPENTOFU_TYPES, pulledTag, TERRAFORM_TYPES } from '../model/terraform-fact.ts';
import type { DescribedPackage } from '../upstream/provider-releases.ts';

/** Registries do not say when they got a version, and a fact must not depend on who asks when. */
const UNKNOWN_TIME = '1970-01-01T00:00:00.000Z';
/** https://github.com/opencontainers/image-spec/blob/main/annotations.md: what a client calls the file that it takes out. */
const TITLE = 'org.opencontainers.image.title';

/** A verified archive, and what upstream says of it. */
export interface PulledArchiveFile extends Pick<DescribedPackage, 'found' | 'release'> {
  readonly version: string;
  readonly file: SpooledFile;
  /** `…_manifest.json`, where the sums name it and it is what they say. */
  readonly manifest: Buffer | null;
  readonly signal: AbortSignal;
}

/**
 * The fact of one platform of a version: OpenTofu's manifest of it, with our document and what vouches for the archive beside it. The
 * keys are those that the signature was checked with: whoever checks it later, with upstream away, needs them.
 */
export async function pulledFact({ version, found, release, file, manifest, signal }: PulledArchiveFile): Promise<NewFact> {
  const { platform, protocols, filename, keys } = found;
  const { h1, h1OfZip } = await hashesOf(file, signal);
  const archive = { platform, filename, sha256: file.sha256, size: file.size, h1, h1OfZip };
  const archiveLayer: NewLayer = { mediaType: OPENTOFU_TYPES.archive, source: fileBlob(file.path, `sha256:${file.sha256}`, file.size), annotations: { [TITLE]: filename } };
  return {
    tag: pulledTag(version, platform),
    version,
    artifactType: OPENTOFU_TYPES.target,
    document: encodeDocument({ version, protocols, archive, keys }),
    documentMediaType: TERRAFORM_TYPES.pulledDocument,
    layers: [archiveLayer, ...smallLayers(release, manifest)],
    payload: `sha256:${file.sha256}`,
    at: UNKNOWN_TIME,
  };
}

function smallLayers({ sums, signature }: DescribedPackage['release'], manifest: Buffer | null): readonly NewLayer[] {
  return [
    { mediaType: TERRAFORM_TYPES.sums, source: bufferBlob(sums.bytes) },
    ...(signature.bytes.length === 0 ? [] : [{ mediaType: TERRAFORM_TYPES.signature, source: bufferBlob(signature.bytes) }]),
    ...(manifest === null ? [] : [{ mediaType: TERRAFORM_TYPES.manifest, source: bufferBlob(manifest) }]),
  ];
}

/** Of bytes that their publisher vouches for but that are no zip that we read: clients may, and `zh:` is enough for them. */
async function hashesOf({ path }: SpooledFile, signal: AbortSignal): Promise<{ readonly [name in keyof ZipHashes]: string | null }> {
  try {
    return await zipHashes(path, signal);
  } catch (error) {
    if (!isProxyError(error, 'unprocessable')) {
      throw error;
    }
    return { h1: null, h1OfZip: null };
  }
}
