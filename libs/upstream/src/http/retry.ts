import { pause } from '../abort.ts';
import type { Failure } from './failures.ts';

const LONGEST_BACKOFF_MS = 5_000;
const LONGEST_RETRY_AFTER_MS = 30_000;
const LONGEST_REMEMBERED_MS = 600_000;

/** How often and how patiently a request is repeated. */
export interface UpstreamRetryPolicy {
  /** Attempts in all, the first one included. */
  readonly attempts: number;
  /** The first wait is at random up to this many milliseconds, each later one up to twice as long, at most 5 s. */
  readonly baseMs: number;
}

/** Three attempts: whoever waits for more is better served by a stale document or an error. */
export const DEFAULT_RETRY: UpstreamRetryPolicy = { attempts: 3, baseMs: 250 };

/** `Retry-After` in milliseconds from `now`, at most 10 minutes; `null` when there is none: RFC 9110 §10.2.3. */
export function retryAfterMs(header: string | null, now: number): number | null {
  if (header === null) {
    return null;
  }
  const text = header.trim();
  const wait = /^\d{1,9}(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(wait) ? null : Math.min(LONGEST_REMEMBERED_MS, Math.max(0, wait));
}

/**
 * Runs `attempt` until it answers, fails for good, or the attempts are used up. Waits with full jitter; a `retryAfterMs`
 * of at most 30 s is waited for, a longer one ends the attempts.
 * @throws ProxyError of the last failure; `aborted` when `signal` fires while it waits.
 */
export async function withRetries<T>(
  policy: UpstreamRetryPolicy,
  context: { readonly subject: string; readonly signal?: AbortSignal | undefined },
  attempt: (last: boolean) => Promise<{ readonly answer: T } | Failure>,
): Promise<T> {
  for (let number = 1; ; number += 1) {
    const outcome = await attempt(number >= policy.attempts);
    if ('answer' in outcome) {
      return outcome.answer;
    }
    const asked = outcome.error.retryAfterMs ?? 0;
    if (number >= policy.attempts || !outcome.retryable || asked > LONGEST_RETRY_AFTER_MS) {
      throw outcome.error;
    }
    const jitter = Math.random() * Math.min(LONGEST_BACKOFF_MS, policy.baseMs * 2 ** (number - 1));
    await pause(Math.max(asked, jitter), context.signal, context.subject);
  }
}
