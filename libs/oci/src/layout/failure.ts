import { isProxyError, ProxyError } from '@oci-package-proxy/errors';

const DENIED = new Set(['EACCES', 'EPERM', 'EROFS']);
const MISSING = new Set(['ENOENT']);

/** Whether the file is simply not there. */
export function isMissing(error: unknown): boolean {
  return MISSING.has((error as NodeJS.ErrnoException).code ?? '');
}

/** A failure of the file system as one of the storage errors; coded errors pass as they are. */
export function layoutFailure(error: unknown, operation: string): ProxyError {
  if (isProxyError(error)) {
    return error;
  }
  if (error instanceof Error && error.name === 'AbortError') {
    return new ProxyError('aborted', `${operation}: aborted`, { cause: error });
  }
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  if (DENIED.has(code)) {
    return new ProxyError('storage-denied', `${operation}: the storage directory may not be written or read (${code}). Check its owner, mode and mount.`, { cause: error });
  }
  const hint = code === 'ENOSPC' ? 'the disk is full; free some space' : 'check the storage directory';
  return new ProxyError('storage-unavailable', `${operation}: the storage directory failed (${code}): ${hint}.`, { cause: error });
}
