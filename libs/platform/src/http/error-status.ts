import type { ErrorCode } from '@oci-package-proxy/errors';

/** HTTP status of every error code; typed over the closed set, so that a new code without a row does not compile. */
export const STATUS_OF: Readonly<Record<ErrorCode, number>> = {
  invalid: 400,
  unprocessable: 422,
  unauthenticated: 401,
  forbidden: 403,
  policy: 403,
  'not-found': 404,
  conflict: 409,
  'too-large': 413,
  'unsupported-media-type': 415,
  'range-not-satisfiable': 416,
  'rate-limited': 429,
  integrity: 502,
  'upstream-unavailable': 503,
  'upstream-denied': 502,
  loop: 508,
  'storage-unavailable': 503,
  // Whatever is wrong with storage is for its operator to end, and until then the same request may be sent again.
  'storage-denied': 503,
  'storage-read-only': 503,
  unsupported: 501,
  'queue-unavailable': 503,
  // What nginx calls it; the client is gone and will not read it.
  aborted: 499,
  config: 500,
  internal: 500,
};
