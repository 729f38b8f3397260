import { buffer } from 'node:stream/consumers';

import { ProxyError } from '@oci-package-proxy/errors';
import {
  bufferBlob,
  type CallOptions,
  type Descriptor,
  type Digest,
  digestOf,
  EMPTY_BYTES,
  EMPTY_DESCRIPTOR,
  INDEX_MEDIA_TYPE,
  isManifest,
  MANIFEST_MEDIA_TYPE,
  type ManifestBytes,
  manifestBytes,
  parseManifest,
  type Repository,
} from '@oci-package-proxy/oci';

import { ANNOTATIONS, LEDGER_TYPES, MEDIA_TYPE_PREFIX } from './vendor.ts';

const PROPOSAL_MEDIA_TYPE = `${MEDIA_TYPE_PREFIX}claim.proposal.v1+json`;
/** Above this many bytes the proposed manifest is a blob alone: base64 adds a third, and 1 MiB is what every registry takes. */
const MAX_INLINE_BYTES = 512 * 1024;

/** Writes the blobs that the claims for `proposal` need besides those of `proposal`: its own bytes, and the empty config. */
export async function stageProposal(repository: Repository, proposal: ManifestBytes, options: CallOptions = {}): Promise<void> {
  await repository.writeBlob(bufferBlob(proposal.bytes), options);
  await repository.writeBlob(bufferBlob(EMPTY_BYTES), options);
}

/**
 * Writes an a-claim under `tag`: it carries the proposed manifest, and names its blobs as layers (the children of an index as
 * children), so that the registry keeps them and anyone can finish the proposal. The same arguments give the same bytes.
 * Needs {@link stageProposal} before, by whomever.
 * @throws ProxyError `unprocessable` when a blob or child of `proposal` is not in the repository.
 */
export async function writeProposal(repository: Repository, tag: string, proposal: ManifestBytes, options: CallOptions = {}): Promise<void> {
  const parsed = parseManifest(proposal);
  if (isManifest(parsed)) {
    return repository.writeManifest(carrier(tag, proposal, [parsed.config, ...parsed.layers]), { ...options, tag });
  }
  const carried = carrier(tag, proposal, []);
  await repository.writeManifest(carried, options);
  const child: Descriptor = { mediaType: carried.mediaType, digest: carried.digest, size: carried.bytes.length };
  const index = manifestBytes({
    schemaVersion: 2,
    mediaType: INDEX_MEDIA_TYPE,
    artifactType: LEDGER_TYPES.claim,
    manifests: [child, ...distinct(parsed.manifests)],
    annotations: { [ANNOTATIONS.tag]: tag },
  });
  return repository.writeManifest(index, { ...options, tag });
}

/**
 * The manifest that the a-claim under `tag` carries; null when there is no such claim.
 * @throws ProxyError `integrity` when the claim does not carry the manifest of `digest`.
 */
export async function readProposal(repository: Repository, tag: string, digest: Digest, options: CallOptions = {}): Promise<ManifestBytes | null> {
  const layer = await carriedLayer(repository, tag, options);
  if (layer === null) {
    return null;
  }
  const bytes = layer.digest === digest ? await bytesOf(repository, layer, options) : null;
  if (bytes === null || digestOf(bytes) !== digest) {
    throw new ProxyError('integrity', `claim ${tag} in repository ${repository.name}: it does not carry the manifest ${digest} that it proposes`);
  }
  return { mediaType: statedMediaType(bytes, digest), digest, bytes };
}

function carrier(tag: string, proposal: ManifestBytes, blobs: readonly Descriptor[]): ManifestBytes {
  const { digest, bytes } = proposal;
  const inline = bytes.length <= MAX_INLINE_BYTES ? { data: bytes.toString('base64') } : {};
  return manifestBytes({
    schemaVersion: 2,
    mediaType: MANIFEST_MEDIA_TYPE,
    artifactType: LEDGER_TYPES.claim,
    config: EMPTY_DESCRIPTOR,
    layers: [{ mediaType: PROPOSAL_MEDIA_TYPE, digest, size: bytes.length, ...inline }, ...distinct(blobs)],
    annotations: { [ANNOTATIONS.tag]: tag },
  });
}

/** Without what only describes: the claim keeps them alive, no more. */
function distinct(descriptors: readonly Descriptor[]): readonly Descriptor[] {
  const kept = new Map<Digest, Descriptor>(descriptors.map(({ mediaType, digest, size }) => [digest, { mediaType, digest, size }]));
  return [...kept.values()];
}

async function carriedLayer(repository: Repository, reference: string, options: CallOptions): Promise<Descriptor | null> {
  const stored = await repository.readManifest(reference, options);
  if (stored === null) {
    return null;
  }
  const parsed = parseManifest(stored);
  if (isManifest(parsed)) {
    return parsed.layers[0] ?? null;
  }
  const [child] = parsed.manifests;
  return child === undefined || child.digest === stored.digest ? null : carriedLayer(repository, child.digest, options);
}

async function bytesOf(repository: Repository, layer: Descriptor, options: CallOptions): Promise<Buffer | null> {
  if (layer.data !== undefined) {
    return Buffer.from(layer.data, 'base64');
  }
  const blob = await repository.readBlob(layer.digest, options);
  return blob === null ? null : buffer(blob.stream);
}

function statedMediaType(bytes: Buffer, digest: Digest): string {
  return parseManifest({ mediaType: MANIFEST_MEDIA_TYPE, digest, bytes }).mediaType;
}
