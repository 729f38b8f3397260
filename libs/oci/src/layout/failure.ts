import { isProxyError, ProxyError } from '@oci-package-proxy/errors';

const DENIED = new Set(['EACCES', 'EPERM', 'EROFS']);

/** Whether the file is simply not there. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

/** What `promise` yields, or null when the file is not there. */
export async function orNull<T>(promise: Promise<T>): Promise<T | null> {
  return promise.catch((error: unknown) => {
    if (isMissing(error)) {
      return null;
    }
    throw error;
  });
}

/** A failure of the file system as one of the storage errors; coded errors pass as they are. */
export function layoutFailure(error: unknown, operation: string): ProxyError {
  if (isProxyError(error)) {
    return error;
  }
  if (error instanceof Error && error.name === 'AbortError') {
    return new ProxyError('aborted', `${operation}: given up by the caller`, { cause: error });
  }
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  if (DENIED.has(code)) {
    return new ProxyError('storage-denied', `${operation}: the storage directory may not be written or read (${code}). Check its owner, mode and mount.`, { cause: error });
  }
  const hint = code === 'ENOSPC' ? 'the disk is full; free some space' : 'check the storage directory';
  return new ProxyError('storage-unavailable', `${operation}: the storage directory failed (${code}): ${hint}.`, { cause: error });
}

/**
 * Runs one operation on the storage directory.
 * @throws ProxyError `aborted` when `signal` fired before, else as {@link layoutFailure} maps.
 */
export async function attempt<T>(operation: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  if (signal?.aborted === true) {
    throw new ProxyError('aborted', `${operation}: given up by the caller`, { cause: signal.reason });
  }
  try {
    return await work();
  } catch (error) {
    throw layoutFailure(error, operation);
  }
}
