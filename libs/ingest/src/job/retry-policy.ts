import { type ErrorCode, isProxyError } from '@oci-package-proxy/errors';

/** How often and when a failed job is tried again. */
export interface RetryPolicy {
  /** All tries, the first one included. */
  readonly attempts: number;
  /** Before the second try, in milliseconds; doubled for each one after it. */
  readonly baseMs: number;
  /** The longest wait of our own choosing, in milliseconds. */
  readonly maxMs: number;
}

/** Some six minutes in all: longer than a registry takes to restart. */
export const DEFAULT_RETRY: RetryPolicy = { attempts: 8, baseMs: 3_000, maxMs: 300_000 };

/** Nobody may park a job for longer by what it says in `Retry-After`, in milliseconds. */
const LONGEST_ASKED_MS = 3_600_000;

const PERMANENT: ReadonlySet<ErrorCode> = new Set(['policy', 'integrity', 'not-found', 'invalid', 'forbidden', 'unsupported']);

/** Whether trying again cannot help. */
export function isPermanent(error: unknown): boolean {
  return isProxyError(error) && PERMANENT.has(error.code);
}

/**
 * Milliseconds to wait after the failed try number `attempt` (1 is the first): exponential with up to half of it taken
 * off at random, and at least what the other side asked for.
 */
export function retryDelay(policy: RetryPolicy, attempt: number, error: unknown): number {
  const longest = Math.min(policy.maxMs, policy.baseMs * 2 ** (attempt - 1));
  const own = Math.round(longest * (1 - Math.random() / 2));
  const asked = isProxyError(error) ? (error.retryAfterMs ?? 0) : 0;
  return Math.max(own, Math.min(asked, LONGEST_ASKED_MS));
}
