import { ProxyError } from '@oci-package-proxy/errors';

import type { ByteRange } from '../ports/repository.ts';

/** The error of a range that reaches beyond the blob. */
export function notInBlob(subject: string): ProxyError {
  return new ProxyError('range-not-satisfiable', `${subject}: the range does not lie in the blob`);
}

/** @throws ProxyError `range-not-satisfiable` unless `range` lies in a blob of `size` bytes, or of any size when that is not known yet. */
export function checkRange(range: ByteRange, size: number | null, subject: string): void {
  const ordered = Number.isSafeInteger(range.start) && Number.isSafeInteger(range.end) && range.start >= 0 && range.start <= range.end;
  if (!ordered || (size !== null && range.end >= size)) {
    throw notInBlob(subject);
  }
}
