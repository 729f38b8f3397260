import { versionTag } from '@oci-package-proxy/mapping';
import { bufferBlob, canonicalJson, digestOf, fileBlob } from '@oci-package-proxy/oci';
import type { NewChild, NewFact, NewLayer } from '@oci-package-proxy/storage';

import { encodeDocument, OPENTOFU_TYPES, TERRAFORM_TYPES } from '../model/terraform-fact.ts';
import { ORIGINAL_ANNOTATIONS, ORIGINAL_TYPE } from './original-types.ts';
import type { CheckedRelease } from './release-check.ts';

// https://github.com/opencontainers/image-spec/blob/main/annotations.md: what tools name a pulled file by.
const TITLE = 'org.opencontainers.image.title';
const MAX_TAG_LENGTH = 128;

/** How a release is stored. */
export interface ProviderFactOptions {
  readonly at: Date;
  /** Whether readers of the original project find it too. */
  readonly originalAnnotations: boolean;
}

/**
 * What "the same release" compares: the archives, SHA256SUMS and the manifest, which SHA256SUMS may name before it is sent, or never. A
 * signature differs each time that it is made, and says nothing of the content.
 */
export function payloadOf({ archives, sums, manifest }: { readonly archives: readonly { readonly sha256: string }[] } & Pick<CheckedRelease, 'sums' | 'manifest'>): string {
  const digests = { archives: archives.map(({ sha256 }) => sha256).sort(), sums: digestOf(sums), ...(manifest === null ? {} : { manifest: digestOf(manifest) }) };
  return digestOf(Buffer.from(canonicalJson(digests)));
}

type CheckedArchive = CheckedRelease['archives'][number];

/** The fact of a release: OpenTofu's index of its platforms, and one more manifest with what they share. */
export function providerFact(release: CheckedRelease, { at, originalAnnotations }: ProviderFactOptions): NewFact {
  const { version, sums, signature } = release;
  const tag = versionTag(version);
  return {
    tag,
    version,
    artifactType: TERRAFORM_TYPES.provider,
    document: documentOf(release),
    documentMediaType: TERRAFORM_TYPES.providerDocument,
    layers: sharedLayers(release),
    payload: payloadOf(release),
    at: at.toISOString(),
    index: { artifactType: OPENTOFU_TYPES.provider, children: release.archives.map((archive) => childOf(archive, originalAnnotations)) },
    ...(originalAnnotations && {
      annotations: { [ORIGINAL_ANNOTATIONS.sums]: sums.toString('base64'), [ORIGINAL_ANNOTATIONS.signature]: signature.toString('base64') },
      aliases: aliasesOf(tag),
    }),
  };
}

function documentOf({ version, protocols, archives, keys }: CheckedRelease): string {
  const plain = archives.map(({ platform, filename, sha256, size, h1, h1OfZip }) => ({ platform, filename, sha256, size, h1, h1OfZip }));
  return encodeDocument({ version, protocols, archives: plain, keys });
}

function sharedLayers({ sums, signature, manifest }: CheckedRelease): readonly NewLayer[] {
  return [
    { mediaType: TERRAFORM_TYPES.sums, source: bufferBlob(sums) },
    { mediaType: TERRAFORM_TYPES.signature, source: bufferBlob(signature) },
    ...(manifest === null ? [] : [{ mediaType: TERRAFORM_TYPES.manifest, source: bufferBlob(manifest) }]),
  ];
}

function childOf({ platform, path, filename, sha256, size }: CheckedArchive, originalAnnotations: boolean): NewChild {
  return {
    artifactType: OPENTOFU_TYPES.target,
    platform: { os: platform.os, architecture: platform.arch },
    layers: [{ mediaType: OPENTOFU_TYPES.archive, source: fileBlob(path, `sha256:${sha256}`, size), annotations: { [TITLE]: filename } }],
    ...(originalAnnotations && {
      also: [{ artifactType: ORIGINAL_TYPE, annotations: { [ORIGINAL_ANNOTATIONS.filename]: filename, [ORIGINAL_ANNOTATIONS.digest]: sha256 } }],
    }),
  };
}

// OpenTofu passes over tags that begin with a v, and a hash is no version to anybody.
function aliasesOf(tag: string): readonly string[] {
  const alias = `v${tag}`;
  return tag.startsWith('_') || alias.length > MAX_TAG_LENGTH ? [] : [alias];
}
