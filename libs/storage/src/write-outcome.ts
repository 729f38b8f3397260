import { type ErrorCode, ProxyError } from '@oci-package-proxy/errors';

/** Failures of storage that are not about what was to be written: the same may be written later. */
const OF_STORAGE: ReadonlySet<ErrorCode> = new Set(['storage-unavailable', 'storage-denied', 'storage-read-only']);

/**
 * Runs a part of a write; where storage fails, the error says besides what has become of the write, so that whoever asked for it
 * knows what to do.
 * @param outcome a sentence or two.
 * @throws whatever `work` failed with, with the same code.
 */
export async function saying<T>(outcome: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ProxyError) || !OF_STORAGE.has(error.code)) {
      throw error;
    }
    throw new ProxyError(error.code, `${error.message.replace(/[.\s]+$/, '')}. ${outcome}`, { cause: error, ...(error.retryAfterMs !== undefined && { retryAfterMs: error.retryAfterMs }) });
  }
}
