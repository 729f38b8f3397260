/** Type of the original project's entries in an index, one for each platform. */
export const ORIGINAL_TYPE = 'application/vnd.tf.provider.v1+json';

/** The original project's annotations: the first two of an index, the others of its entries. */
export const ORIGINAL_ANNOTATIONS = {
  /** SHA256SUMS, in base64. */
  sums: 'shasum',
  /** Its signature, in base64. */
  signature: 'shasum-signature-encoded',
  filename: 'original-filename',
  /** Hex of the archive's sha256. */
  digest: 'original-file-digest',
} as const;
