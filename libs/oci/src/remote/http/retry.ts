import { isProxyError } from '@oci-package-proxy/errors';

import { pause } from './abort.ts';

const LONGEST_BACKOFF_MS = 10_000;
/** What a registry asks for beyond this is handed on to whoever asked us: they can wait longer than a request can. */
const LONGEST_WAIT_MS = 10_000;
/** Some clients sleep as long as they are told, and say nothing meanwhile. */
const LONGEST_RETRY_AFTER_MS = 60_000;

/** How often and how patiently a request is repeated. */
export interface RetryPolicy {
  /** Attempts in all, the first one included. */
  readonly attempts: number;
  /** The first wait is at random up to this many milliseconds, each later one up to twice as long, at most 10 s. */
  readonly baseMs: number;
}

/** What a retry loop needs to know besides its policy. */
export interface RetryContext {
  readonly subject: string;
  readonly signal?: AbortSignal | undefined;
  /** Default: `storage-unavailable` only. */
  readonly retryable?: (error: unknown) => boolean;
}

/**
 * Runs `attempt` (which is told its number, from 0) until it succeeds, fails for good, or the attempts are used up.
 * Waits with full jitter; `retryAfterMs` of an error counts, and one over 10 s is not waited for.
 * @throws the last error; ProxyError `aborted` when the signal fires while it waits.
 */
export async function withRetries<T>(policy: RetryPolicy, context: RetryContext, attempt: (number: number) => Promise<T>): Promise<T> {
  const retryable = context.retryable ?? isUnavailable;
  for (let number = 0; ; number += 1) {
    try {
      return await attempt(number);
    } catch (error) {
      if (number + 1 >= policy.attempts || !retryable(error) || askedMs(error) > LONGEST_WAIT_MS) {
        throw error;
      }
      await pause(waitMs(policy, number, error), context.signal, context.subject);
    }
  }
}

/** `Retry-After` in milliseconds from `now`, at most 60 s; `null` when there is none: RFC 9110 §10.2.3. */
export function retryAfterMs(header: string | null, now: number): number | null {
  if (header === null) {
    return null;
  }
  const text = header.trim();
  // Some registries send fractions of a second.
  const wait = /^\d{1,9}(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(wait) ? null : Math.min(LONGEST_RETRY_AFTER_MS, Math.max(0, wait));
}

/** Whether `error` may be gone at the next attempt. */
export function isUnavailable(error: unknown): boolean {
  return isProxyError(error, 'storage-unavailable');
}

function waitMs(policy: RetryPolicy, number: number, error: unknown): number {
  const jitter = Math.random() * Math.min(LONGEST_BACKOFF_MS, policy.baseMs * 2 ** number);
  return Math.max(jitter, askedMs(error));
}

function askedMs(error: unknown): number {
  return isProxyError(error) ? (error.retryAfterMs ?? 0) : 0;
}
