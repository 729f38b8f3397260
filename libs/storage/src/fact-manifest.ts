import {
  type BlobSource,
  bufferBlob,
  type Descriptor,
  digestOf,
  EMPTY_DESCRIPTOR,
  isManifest,
  MANIFEST_MEDIA_TYPE,
  type ManifestBytes,
  manifestBytes,
  parseManifest,
} from '@oci-package-proxy/oci';

import type { Fact, NewFact, PendingFact } from './fact.ts';
import { isJsonObject, parseJson } from './json-value.ts';
import type { Origin, PackageRef } from './package-ref.ts';
import { isStamp, type Stamp } from './tags.ts';
import { ANNOTATIONS, LEDGER_TYPES, MEDIA_TYPE_PREFIX } from './vendor.ts';

/** Documents up to this many bytes are inside the manifest, so that a fold needs one request a fact. */
const INLINE_BYTES = 32 * 1024;

const LEDGER_TYPE_SET: ReadonlySet<string> = new Set(Object.values(LEDGER_TYPES));

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

/** The manifest of a new fact. Without `stamp` and `by` its bytes depend on the fact alone. */
export function encodeFact(ref: PackageRef, fact: NewFact, how: FactWriting): ManifestBytes {
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
  if (how.stamp !== null && fact.assign !== undefined) {
    annotations[ANNOTATIONS.assign] = JSON.stringify(fact.assign);
    annotations[ANNOTATIONS.sequence] = String(how.stamp.sequence);
    annotations[ANNOTATIONS.random] = how.stamp.random;
  }
  return annotations;
}

/**
 * The fact in a manifest, or null when the manifest is not a fact of `ref` under `tag`: somebody else's push.
 * @throws ProxyError `integrity` when the bytes are no manifest.
 */
export function decodeFact(ref: PackageRef, tag: string, stored: ManifestBytes): PendingFact | null {
  const manifest = parseManifest(stored);
  if (!isManifest(manifest) || !isFactType(manifest.artifactType)) {
    return null;
  }
  const annotations = manifest.annotations ?? {};
  const [document, ...layers] = manifest.layers;
  const origin = annotations[ANNOTATIONS.origin];
  if (document === undefined || manifest.layers.some(({ size }) => size < 0) || (origin !== 'published' && origin !== 'upstream')) {
    return null;
  }
  if (annotations[ANNOTATIONS.tag] !== tag || annotations[ANNOTATIONS.package] !== ref.name || annotations[ANNOTATIONS.ecosystem] !== ref.ecosystem) {
    return null;
  }
  const fact = {
    tag,
    version: annotations[ANNOTATIONS.version] ?? tag,
    digest: stored.digest,
    artifactType: manifest.artifactType,
    payload: annotations[ANNOTATIONS.payload] ?? '',
    at: timeIn(annotations[ANNOTATIONS.created]),
    origin,
    layers: layers.map(checkedLayer),
    annotations,
    ...decodeAssignment(annotations),
  } as const;
  return { fact, document: inlineDocument(document) ?? document };
}

/** Whether an artifact type is one of facts: ours, and none of the ledger's own. */
export function isFactType(artifactType: unknown): artifactType is string {
  return typeof artifactType === 'string' && artifactType.startsWith(MEDIA_TYPE_PREFIX) && !LEDGER_TYPE_SET.has(artifactType);
}

// Drops what is of no use to a reader, and what may be of any type.
function checkedLayer({ mediaType, digest, size, annotations }: Descriptor): Descriptor {
  const texts = isJsonObject(annotations) && Object.values(annotations).every((value) => typeof value === 'string');
  return { mediaType, digest, size, ...(texts ? { annotations } : {}) };
}

function timeIn(text: string | undefined): string {
  return text === undefined || Number.isNaN(Date.parse(text)) ? '' : text;
}

function inlineDocument(layer: Descriptor): string | null {
  if (typeof layer.data !== 'string') {
    return null;
  }
  const bytes = Buffer.from(layer.data, 'base64');
  return digestOf(bytes) === layer.digest ? bytes.toString('utf8') : null;
}

function decodeAssignment(annotations: Readonly<Record<string, string>>): Pick<Fact, 'assign' | 'stamp'> {
  const assign = parseJson(annotations[ANNOTATIONS.assign] ?? '');
  const stamp = { sequence: Number(annotations[ANNOTATIONS.sequence] ?? Number.NaN), random: annotations[ANNOTATIONS.random] ?? '' };
  return isJsonObject(assign) && isStamp(stamp) ? { assign, stamp } : { assign: {}, stamp: null };
}
