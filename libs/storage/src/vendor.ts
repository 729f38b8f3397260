/** Prefix of every media type and artifact type that is ours. */
export const MEDIA_TYPE_PREFIX = 'application/vnd.oci-package-proxy.';
/** Prefix of every annotation that is ours. */
export const ANNOTATION_PREFIX = 'io.oci-package-proxy.';

/** Artifact types of the ledger's own manifests. */
export const LEDGER_TYPES = {
  event: `${MEDIA_TYPE_PREFIX}event.v1`,
  deletion: `${MEDIA_TYPE_PREFIX}deletion.v1`,
  origin: `${MEDIA_TYPE_PREFIX}origin.v1`,
  claim: `${MEDIA_TYPE_PREFIX}claim.v1`,
  snapshot: `${MEDIA_TYPE_PREFIX}snapshot.v1`,
  upstream: `${MEDIA_TYPE_PREFIX}upstream.v1`,
  catalogue: `${MEDIA_TYPE_PREFIX}catalogue.v1`,
} as const;

/** Annotation keys of the ledger. */
export const ANNOTATIONS = {
  /** The tag that the manifest was written for: gives every tag a digest of its own. */
  tag: `${ANNOTATION_PREFIX}tag`,
  ecosystem: `${ANNOTATION_PREFIX}ecosystem`,
  package: `${ANNOTATION_PREFIX}package`,
  /** The version or file name as the ecosystem writes it. */
  version: `${ANNOTATION_PREFIX}version`,
  payload: `${ANNOTATION_PREFIX}payload`,
  origin: `${ANNOTATION_PREFIX}origin`,
  /** JSON object of the keys that this very put sets. */
  assign: `${ANNOTATION_PREFIX}assign`,
  sequence: `${ANNOTATION_PREFIX}sequence`,
  random: `${ANNOTATION_PREFIX}random`,
  by: `${ANNOTATION_PREFIX}by`,
  /** The tag that a deletion hides. */
  deletes: `${ANNOTATION_PREFIX}deletes`,
  /** JSON list of the further tags that the same manifest is put under. */
  aliases: `${ANNOTATION_PREFIX}aliases`,
  /** Marks an index that is made of facts, and is none. */
  derived: `${ANNOTATION_PREFIX}derived`,
  /** Digest of derived content before compression: equal when nothing has to be written. */
  content: `${ANNOTATION_PREFIX}content`,
  /** https://github.com/opencontainers/image-spec/blob/main/annotations.md */
  created: 'org.opencontainers.image.created',
} as const;
