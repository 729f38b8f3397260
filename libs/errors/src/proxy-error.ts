import type { ErrorCode } from './error-code.ts';

/** What a {@link ProxyError} carries besides its code and text. */
export interface ProxyErrorDetails {
  /** The error below, for logs only; it is never shown to a client. */
  readonly cause?: unknown;
  /** When it is worth trying again, in milliseconds. */
  readonly retryAfterMs?: number;
}

/**
 * The only error class of this project. Its text names the operation, the subject and the side that failed,
 * and tells the reader what to do; it never holds a credential or a presigned URL.
 */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, details: ProxyErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** Whether `error` is a {@link ProxyError}, of `code` when one is given. */
export function isProxyError(error: unknown, code?: ErrorCode): error is ProxyError {
  return error instanceof ProxyError && (code === undefined || error.code === code);
}

/** `error` itself when it is a {@link ProxyError}; else an `internal` (or `aborted`) one with it as cause. */
export function toProxyError(error: unknown, operation: string): ProxyError {
  if (error instanceof ProxyError) {
    return error;
  }
  if (error instanceof Error && error.name === 'AbortError') {
    return new ProxyError('aborted', `${operation}: aborted`, { cause: error });
  }
  return new ProxyError('internal', `${operation}: unexpected failure`, { cause: error });
}
