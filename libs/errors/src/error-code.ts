/**
 * Every way in which an operation of this project can fail. The set is closed: a new code needs a row in the
 * code-to-status table of `libs/platform`, which is typed over it.
 */
export const ERROR_CODES = [
  /** The request is malformed: bad name, bad JSON, missing field. The sender must change it. */
  'invalid',
  /** Well-formed, but what it says contradicts itself: a digest that does not match the bytes sent with it. */
  'unprocessable',
  /** No credential, or one that nobody here issued. */
  'unauthenticated',
  /** A known caller who may not do this. */
  'forbidden',
  /** A policy of the operator refuses it, whoever asks. */
  'policy',
  /** The thing does not exist, and the side that would know was asked. */
  'not-found',
  /** Something else already stands where this was to be written. */
  'conflict',
  /** Body, document or file over a configured limit. */
  'too-large',
  /** The content type cannot be read by this route. */
  'unsupported-media-type',
  /** No such range in the file. */
  'range-not-satisfiable',
  /** Too many requests; `retryAfterMs` says when to come back. */
  'rate-limited',
  /** Bytes that came from upstream or storage do not have the digest they must have. */
  'integrity',
  /** Upstream did not answer, or answered with a server error. Never used for a missing package. */
  'upstream-unavailable',
  /** Upstream refuses our credential. */
  'upstream-denied',
  /** A request came back to ourselves through an upstream. */
  'loop',
  /** The OCI registry did not answer, or answered with a server error. */
  'storage-unavailable',
  /** The OCI registry refuses our credential, or it lacks a right there. */
  'storage-denied',
  /** The OCI registry can be read and takes no writes now: it is read-only or in maintenance, full, or over its quota. */
  'storage-read-only',
  /** The OCI registry cannot do what was asked of it (deletes, for example). */
  'unsupported',
  /** The queue cannot take a job now. */
  'queue-unavailable',
  /** The other side of the connection went away, or the caller aborted. */
  'aborted',
  /** A configuration value is missing or wrong; the process must not start. */
  'config',
  /** A defect of this program. */
  'internal',
] as const;

/** One of {@link ERROR_CODES}. */
export type ErrorCode = (typeof ERROR_CODES)[number];
