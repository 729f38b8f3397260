import {
  type BlobSource,
  bufferBlob,
  type Descriptor,
  type Digest,
  digestOf,
  EMPTY_DESCRIPTOR,
  isManifest,
  MANIFEST_MEDIA_TYPE,
  type ManifestBytes,
  manifestBytes,
  parseManifest,
} from '@oci-package-proxy/oci';

import type { JsonValue, Origin, PackageRef } from './package-ref.ts';
import type { Stamp } from './tags.ts';
import { ANNOTATIONS, MEDIA_TYPE_PREFIX } from './vendor.ts';

/** Documents up to this many bytes are inside the manifest, so that a fold needs one request a fact. */
const INLINE_BYTES = 32 * 1024;

/** A file of a new fact. */
export interface NewLayer {
  readonly mediaType: string;
  readonly source: BlobSource;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A version (or a file of one) that is to be stored. */
export interface NewFact {
  /** From `libs/mapping`: `versionTag` or `fileTag`. */
  readonly tag: string;
  /** The version or file name as the ecosystem writes it. */
  readonly version: string;
  /** Begins with {@link MEDIA_TYPE_PREFIX}. */
  readonly artifactType: string;
  /** JSON text. */
  readonly document: string;
  readonly documentMediaType: string;
  /** The file first, then what comes with it. */
  readonly layers: readonly NewLayer[];
  /** What "the same bytes" compares, at most 1 KiB of text. */
  readonly payload: string;
  /** When it was published, ISO 8601; for a pulled-through file upstream's time. */
  readonly at: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Keys set by this very put, as events set them; only for published facts. */
  readonly assign?: Readonly<Record<string, JsonValue>>;
}

/** A stored version (or a file of one). */
export interface Fact {
  readonly tag: string;
  readonly version: string;
  /** Of the manifest. */
  readonly digest: Digest;
  readonly artifactType: string;
  readonly payload: string;
  readonly at: string;
  readonly origin: Origin;
  /** JSON text. */
  readonly document: string;
  /** Without the document: the file first. */
  readonly layers: readonly Descriptor[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly assign: Readonly<Record<string, JsonValue>>;
  /** Null where nothing is assigned. */
  readonly stamp: Stamp | null;
}

/** A fact whose document is a blob that has to be read first. */
export interface PendingFact {
  readonly fact: Omit<Fact, 'document'>;
  readonly document: string | Descriptor;
}

/** The document of a new fact as a blob. */
export function documentBlob(fact: NewFact): BlobSource {
  return bufferBlob(Buffer.from(fact.document, 'utf8'));
}

/** The manifest of a new fact. Without `stamp` its bytes depend on the fact alone. */
export function encodeFact(ref: PackageRef, fact: NewFact, how: { readonly origin: Origin; readonly stamp: Stamp | null }): ManifestBytes {
  const document = Buffer.from(fact.document, 'utf8');
  const inline = document.length <= INLINE_BYTES ? { data: document.toString('base64') } : {};
  return manifestBytes({
    schemaVersion: 2,
    mediaType: MANIFEST_MEDIA_TYPE,
    artifactType: fact.artifactType,
    config: EMPTY_DESCRIPTOR,
    layers: [
      { mediaType: fact.documentMediaType, digest: digestOf(document), size: document.length, ...inline },
      ...fact.layers.map(({ mediaType, source, annotations }) => ({ mediaType, digest: source.digest, size: source.size, ...(annotations === undefined ? {} : { annotations }) })),
    ],
    annotations: { ...fact.annotations, ...ledgerAnnotations(ref, fact, how) },
  });
}

function ledgerAnnotations(ref: PackageRef, fact: NewFact, how: { readonly origin: Origin; readonly stamp: Stamp | null }): Record<string, string> {
  const annotations: Record<string, string> = {
    [ANNOTATIONS.tag]: fact.tag,
    [ANNOTATIONS.ecosystem]: ref.ecosystem,
    [ANNOTATIONS.package]: ref.name,
    [ANNOTATIONS.version]: fact.version,
    [ANNOTATIONS.payload]: fact.payload,
    [ANNOTATIONS.origin]: how.origin,
    [ANNOTATIONS.created]: fact.at,
  };
  if (how.stamp !== null && fact.assign !== undefined) {
    annotations[ANNOTATIONS.assign] = JSON.stringify(fact.assign);
    annotations[ANNOTATIONS.sequence] = String(how.stamp.sequence);
    annotations[ANNOTATIONS.random] = how.stamp.random;
  }
  return annotations;
}

/** The fact in a manifest, or null when the manifest is not a fact of `ref` under `tag`: somebody else's push. */
export function decodeFact(ref: PackageRef, tag: string, stored: ManifestBytes): PendingFact | null {
  const manifest = parseManifest(stored);
  if (!isManifest(manifest) || manifest.artifactType?.startsWith(MEDIA_TYPE_PREFIX) !== true) {
    return null;
  }
  const annotations = manifest.annotations ?? {};
  const [document, ...layers] = manifest.layers;
  const origin = annotations[ANNOTATIONS.origin];
  if (document === undefined || (origin !== 'published' && origin !== 'upstream')) {
    return null;
  }
  if (annotations[ANNOTATIONS.tag] !== tag || annotations[ANNOTATIONS.package] !== ref.name) {
    return null;
  }
  const fact = {
    tag,
    version: annotations[ANNOTATIONS.version] ?? tag,
    digest: stored.digest,
    artifactType: manifest.artifactType,
    payload: annotations[ANNOTATIONS.payload] ?? '',
    at: annotations[ANNOTATIONS.created] ?? '',
    origin,
    layers,
    annotations,
    ...decodeAssignment(annotations),
  } as const;
  return { fact, document: inlineDocument(document) ?? document };
}

function inlineDocument(layer: Descriptor): string | null {
  if (layer.data === undefined) {
    return null;
  }
  const bytes = Buffer.from(layer.data, 'base64');
  return digestOf(bytes) === layer.digest ? bytes.toString('utf8') : null;
}

function decodeAssignment(annotations: Readonly<Record<string, string>>): Pick<Fact, 'assign' | 'stamp'> {
  const text = annotations[ANNOTATIONS.assign];
  const sequence = Number(annotations[ANNOTATIONS.sequence]);
  const random = annotations[ANNOTATIONS.random];
  if (text === undefined || random === undefined || !Number.isSafeInteger(sequence)) {
    return { assign: {}, stamp: null };
  }
  return { assign: JSON.parse(text) as Record<string, JsonValue>, stamp: { sequence, random } };
}
