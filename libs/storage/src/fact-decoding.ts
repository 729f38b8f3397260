import { type Descriptor, digestOf, type Index, isManifest, type Manifest, MANIFEST_MEDIA_TYPE, type ManifestBytes, parseManifest } from '@oci-package-proxy/oci';

import type { Fact, FactContent, PendingFact } from './fact.ts';
import { isJsonObject, parseJson } from './json-value.ts';
import type { PackageRef } from './package-ref.ts';
import { isStamp } from './tags.ts';
import { ANNOTATIONS, LEDGER_TYPES, MEDIA_TYPE_PREFIX } from './vendor.ts';

const LEDGER_TYPE_SET: ReadonlySet<string> = new Set(Object.values(LEDGER_TYPES));

type Annotations = Readonly<Record<string, string>>;

/**
 * The fact in a manifest or index, or null when it is not a fact of `ref` under `tag`: somebody else's push.
 * @throws ProxyError `integrity` when the bytes are no manifest.
 */
export function decodeFact(ref: PackageRef, tag: string, stored: ManifestBytes): PendingFact | null {
  const manifest = parseManifest(stored);
  const annotations = manifest.annotations ?? {};
  const origin = annotations[ANNOTATIONS.origin];
  if ((origin !== 'published' && origin !== 'upstream') || !isOf(ref, annotations) || annotations[ANNOTATIONS.tag] !== tag) {
    return null;
  }
  const content = isManifest(manifest) ? factContent(manifest) : contentInIndex(manifest);
  if (content === null) {
    return null;
  }
  const fact = {
    tag,
    version: annotations[ANNOTATIONS.version] ?? tag,
    digest: stored.digest,
    payload: annotations[ANNOTATIONS.payload] ?? '',
    at: timeIn(annotations[ANNOTATIONS.created]),
    origin,
    annotations,
    ...decodeAssignment(annotations),
  } as const;
  return { fact, content };
}

/** What the manifest of a fact says, also as the child of an index; null when it is none of ours. */
export function factContent(manifest: Manifest): FactContent | null {
  const { artifactType } = manifest;
  const [document, ...layers] = manifest.layers;
  if (!isFactType(artifactType) || document === undefined || !isOurs(document.mediaType) || manifest.layers.some(({ size }) => size < 0)) {
    return null;
  }
  return { artifactType, layers: layers.map(checkedLayer), document: bytesInside(document)?.toString('utf8') ?? document };
}

/** Whether an artifact type can be a fact's: any but the ledger's own. */
export function isFactType(artifactType: unknown): artifactType is string {
  return typeof artifactType === 'string' && artifactType !== '' && !LEDGER_TYPE_SET.has(artifactType);
}

/** Whether a media type or artifact type is one of ours. */
export function isOurs(type: unknown): type is string {
  return typeof type === 'string' && type.startsWith(MEDIA_TYPE_PREFIX);
}

/** The further tags that a fact's manifest is put under; none where the bytes are no manifest. */
export function aliasesIn(stored: ManifestBytes): readonly string[] {
  const aliases = parseJson(annotationsIn(stored)[ANNOTATIONS.aliases] ?? '');
  return Array.isArray(aliases) ? aliases.filter((alias) => typeof alias === 'string') : [];
}

/** Whether a manifest is a derived index that this program wrote for `tag`. */
export function isDerivedIndex(ref: PackageRef, tag: string, stored: ManifestBytes): boolean {
  const annotations = annotationsIn(stored);
  return annotations[ANNOTATIONS.derived] !== undefined && annotations[ANNOTATIONS.tag] === tag && isOf(ref, annotations);
}

/** Whether this program put a manifest under `tag` for readers that know nothing of us: it says nothing to us. */
export function isForOthers(ref: PackageRef, tag: string, stored: ManifestBytes): boolean {
  return isDerivedIndex(ref, tag, stored) || (isOf(ref, annotationsIn(stored)) && aliasesIn(stored).includes(tag));
}

function contentInIndex(index: Index): FactContent | Descriptor | null {
  const child = index.manifests.find(({ mediaType, artifactType }) => mediaType === MANIFEST_MEDIA_TYPE && isOurs(artifactType) && isFactType(artifactType));
  if (child === undefined || child.size < 0 || !isFactType(index.artifactType) || index.annotations?.[ANNOTATIONS.derived] !== undefined) {
    return null;
  }
  const { mediaType, digest, size } = child;
  const bytes = bytesInside(child);
  if (bytes === null) {
    return { mediaType, digest, size };
  }
  const manifest = parseManifest({ mediaType, digest, bytes });
  return isManifest(manifest) ? factContent(manifest) : null;
}

function isOf(ref: PackageRef, annotations: Annotations): boolean {
  return annotations[ANNOTATIONS.package] === ref.name && annotations[ANNOTATIONS.ecosystem] === ref.ecosystem;
}

function annotationsIn(stored: ManifestBytes): Annotations {
  const manifest = parseJson(stored.bytes.toString('utf8'));
  const annotations = isJsonObject(manifest) ? manifest['annotations'] : undefined;
  return isJsonObject(annotations) && Object.values(annotations).every((value) => typeof value === 'string') ? (annotations as Annotations) : {};
}

// Drops what is of no use to a reader, and what may be of any type.
function checkedLayer({ mediaType, digest, size, annotations }: Descriptor): Descriptor {
  const texts = isJsonObject(annotations) && Object.values(annotations).every((value) => typeof value === 'string');
  return { mediaType, digest, size, ...(texts ? { annotations } : {}) };
}

function timeIn(text: string | undefined): string {
  return text === undefined || Number.isNaN(Date.parse(text)) ? '' : text;
}

function bytesInside({ data, digest }: Descriptor): Buffer | null {
  const bytes = typeof data === 'string' ? Buffer.from(data, 'base64') : null;
  return bytes !== null && digestOf(bytes) === digest ? bytes : null;
}

function decodeAssignment(annotations: Annotations): Pick<Fact, 'assign' | 'stamp'> {
  const assign = parseJson(annotations[ANNOTATIONS.assign] ?? '');
  const stamp = { sequence: Number(annotations[ANNOTATIONS.sequence] ?? Number.NaN), random: annotations[ANNOTATIONS.random] ?? '' };
  return isJsonObject(assign) && isStamp(stamp) ? { assign, stamp } : { assign: {}, stamp: null };
}
