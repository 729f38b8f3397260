import {
  type BlobSource,
  bufferBlob,
  type Descriptor,
  digestOf,
  EMPTY_DESCRIPTOR,
  INDEX_MEDIA_TYPE,
  MANIFEST_MEDIA_TYPE,
  type Manifest,
  type ManifestBytes,
  manifestBytes,
} from '@oci-package-proxy/oci';

import type { NewChild, NewFact, NewLayer } from './fact.ts';
import type { Origin, PackageRef } from './package-ref.ts';
import type { Stamp } from './tags.ts';
import { ANNOTATIONS } from './vendor.ts';

/** Documents up to this many bytes are inside the manifest, so that a fold needs one request a fact. */
const INLINE_BYTES = 32 * 1024;
/** The same for the manifest with the document, inside its index. */
const INLINE_MANIFEST_BYTES = 128 * 1024;

/** Who writes a fact, and how it takes part in the order of events. */
export interface FactWriting {
  readonly origin: Origin;
  /** Null where nothing is assigned. */
  readonly stamp: Stamp | null;
  /** Who published it; left out for pulled-through files, whose bytes must not depend on who asked. */
  readonly by?: string;
}

/** The document of a new fact as a blob. */
export function documentBlob(fact: NewFact): BlobSource {
  return bufferBlob(Buffer.from(fact.document, 'utf8'));
}

/** What is put under the tag of a new fact: its manifest, or its index. Without `stamp` and `by` its bytes depend on the fact alone. */
export function encodeFact(ref: PackageRef, fact: NewFact, how: FactWriting): ManifestBytes {
  const annotations = { ...fact.annotations, ...ledgerAnnotations(ref, fact, how) };
  if (fact.index === undefined) {
    return manifestBytes({ ...ownManifest(fact), annotations });
  }
  return manifestBytes({
    schemaVersion: 2,
    mediaType: INDEX_MEDIA_TYPE,
    artifactType: fact.index.artifactType,
    manifests: [...fact.index.children.flatMap(childEntries), ownEntry(fact)],
    annotations,
  });
}

/** The manifests that the index of a new fact lists, each once, in its order; none where there is no index. */
export function childManifests(fact: NewFact): readonly ManifestBytes[] {
  if (fact.index === undefined) {
    return [];
  }
  const children = [...fact.index.children.map((child) => manifestBytes(childManifest(child))), manifestBytes(ownManifest(fact))];
  return [...new Map(children.map((child) => [child.digest, child])).values()];
}

function ownManifest(fact: NewFact): Manifest {
  const document = Buffer.from(fact.document, 'utf8');
  const inline = document.length <= INLINE_BYTES ? { data: document.toString('base64') } : {};
  return {
    schemaVersion: 2,
    mediaType: MANIFEST_MEDIA_TYPE,
    artifactType: fact.artifactType,
    config: EMPTY_DESCRIPTOR,
    layers: [{ mediaType: fact.documentMediaType, digest: digestOf(document), size: document.length, ...inline }, ...fact.layers.map(layerEntry)],
  };
}

function childManifest({ artifactType, layers }: NewChild): Manifest {
  return { schemaVersion: 2, mediaType: MANIFEST_MEDIA_TYPE, artifactType, config: EMPTY_DESCRIPTOR, layers: layers.map(layerEntry) };
}

function layerEntry({ mediaType, source, annotations }: NewLayer): Descriptor {
  return { mediaType, digest: source.digest, size: source.size, ...(annotations === undefined ? {} : { annotations }) };
}

function ownEntry(fact: NewFact): Descriptor {
  const { mediaType, digest, bytes } = manifestBytes(ownManifest(fact));
  const inline = bytes.length <= INLINE_MANIFEST_BYTES ? { data: bytes.toString('base64') } : {};
  return { mediaType, digest, size: bytes.length, artifactType: fact.artifactType, ...inline };
}

function childEntries(child: NewChild): readonly Descriptor[] {
  const { mediaType, digest, bytes } = manifestBytes(childManifest(child));
  const platform = child.platform === undefined ? {} : { platform: { architecture: child.platform.architecture, os: child.platform.os } };
  return [{ artifactType: child.artifactType }, ...(child.also ?? [])].map(({ artifactType, ...rest }) => ({ mediaType, digest, size: bytes.length, artifactType, ...platform, ...rest }));
}

function ledgerAnnotations(ref: PackageRef, fact: NewFact, how: FactWriting): Record<string, string> {
  const annotations: Record<string, string> = {
    [ANNOTATIONS.tag]: fact.tag,
    [ANNOTATIONS.ecosystem]: ref.ecosystem,
    [ANNOTATIONS.package]: ref.name,
    [ANNOTATIONS.version]: fact.version,
    [ANNOTATIONS.payload]: fact.payload,
    [ANNOTATIONS.origin]: how.origin,
    [ANNOTATIONS.created]: fact.at,
  };
  if (how.by !== undefined) {
    annotations[ANNOTATIONS.by] = how.by;
  }
  if (fact.aliases !== undefined && fact.aliases.length > 0) {
    annotations[ANNOTATIONS.aliases] = JSON.stringify(fact.aliases);
  }
  if (how.stamp !== null && fact.assign !== undefined) {
    annotations[ANNOTATIONS.assign] = JSON.stringify(fact.assign);
    annotations[ANNOTATIONS.sequence] = String(how.stamp.sequence);
    annotations[ANNOTATIONS.random] = how.stamp.random;
  }
  return annotations;
}
