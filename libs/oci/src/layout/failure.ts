import { isProxyError, ProxyError } from '@oci-package-proxy/errors';

const DENIED = new Set(['EACCES', 'EPERM']);
/** Only writes fail so. */
const READ_ONLY: ReadonlyMap<string, string> = new Map([
  ['EROFS', 'is mounted read-only; mount it writable'],
  ['ENOSPC', 'has no room left: the disk is full; free some space'],
  ['EDQUOT', 'has no room left: a quota is used up; raise it, or free some space'],
]);
/** What the system call of a refused write is called: who may read and not write is told so. */
const WRITES = new Set(['mkdir', 'link', 'rename', 'unlink', 'rm', 'write', 'fsync', 'copyfile', 'utime']);

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
  const readOnly = READ_ONLY.get(code);
  if (readOnly !== undefined) {
    return new ProxyError('storage-read-only', `${operation}: the storage directory ${readOnly} (${code}).`, { cause: error });
  }
  if (DENIED.has(code) && isWrite(error, operation)) {
    return new ProxyError('storage-read-only', `${operation}: the storage directory may not be written (${code}). Check its owner, mode and mount.`, { cause: error });
  }
  if (DENIED.has(code)) {
    return new ProxyError('storage-denied', `${operation}: the storage directory may not be written or read (${code}). Check its owner, mode and mount.`, { cause: error });
  }
  return new ProxyError('storage-unavailable', `${operation}: the storage directory failed (${code}): check the storage directory.`, { cause: error });
}

/** An `open` does not say what for; the operation does. */
function isWrite(error: unknown, operation: string): boolean {
  const { syscall } = error as NodeJS.ErrnoException;
  return syscall !== undefined && (WRITES.has(syscall) || (syscall === 'open' && /^(write|create|checking) /.test(operation)));
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
