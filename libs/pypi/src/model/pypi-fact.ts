import { canonicalJson, type Descriptor } from '@oci-package-proxy/oci';
import { type Fact, MEDIA_TYPE_PREFIX } from '@oci-package-proxy/storage';

/** Types of what is stored for one file. */
export const PYPI_TYPES = {
  /** Of the artifact. */
  file: `${MEDIA_TYPE_PREFIX}pypi.file.v1`,
  /** {@link FileDocument}, as canonical JSON. */
  document: `${MEDIA_TYPE_PREFIX}pypi.document.v1+json`,
  /** The file itself, always the first layer. */
  wheel: `${MEDIA_TYPE_PREFIX}pypi.wheel.v1+zip`,
  sdist: `${MEDIA_TYPE_PREFIX}pypi.sdist.v1`,
  /** What is neither: an egg, an installer. */
  other: `${MEDIA_TYPE_PREFIX}pypi.other.v1`,
  /** Core metadata: METADATA of a wheel, PKG-INFO of a source distribution, byte for byte. */
  metadata: `${MEDIA_TYPE_PREFIX}pypi.metadata.v1`,
  /** The JSON array that was uploaded as `attestations` (PEP 740). */
  attestations: `${MEDIA_TYPE_PREFIX}pypi.attestations.v1+json`,
} as const;

/** What is said of a stored file; for pulled-through files only what upstream never changes. */
export interface FileDocument {
  readonly filename: string;
  /** As the project writes itself. */
  readonly name: string;
  /** As the file's metadata writes it; where there is none, as its name does; null where neither tells. */
  readonly version: string | null;
  /** Lower-case hex by algorithm; sha256 is always there, and what upstream says besides. */
  readonly hashes: Readonly<Record<string, string>>;
  /** Bytes. */
  readonly size: number;
  readonly requiresPython: string | null;
  /** PEP 700; null where upstream does not say. */
  readonly uploadTime: string | null;
  /** sha256 of the metadata layer; only wheels announce it. */
  readonly metadataSha256: string | null;
}

/** JSON text of a document: the same for everybody who makes it. */
export function encodeFileDocument(document: FileDocument): string {
  return canonicalJson(document as unknown as Readonly<Record<string, unknown>>);
}

/** The document of a fact, which nobody but us has written. */
export function fileDocumentOf(fact: Pick<Fact, 'document'>): FileDocument {
  return JSON.parse(fact.document) as FileDocument;
}

/** The file of a fact; null for a fact without any, which none of ours is. */
export function fileLayer(fact: Pick<Fact, 'layers'>): Descriptor | null {
  return fact.layers[0] ?? null;
}

/** The core metadata of a fact, or null. */
export function metadataLayer(fact: Pick<Fact, 'layers'>): Descriptor | null {
  return fact.layers.slice(1).find(({ mediaType }) => mediaType === PYPI_TYPES.metadata) ?? null;
}

/** The attestations of a fact, or null. */
export function attestationsLayer(fact: Pick<Fact, 'layers'>): Descriptor | null {
  return fact.layers.slice(1).find(({ mediaType }) => mediaType === PYPI_TYPES.attestations) ?? null;
}
