import { ProxyError } from '@oci-package-proxy/errors';

/** Clients give up on a JSON document, a SHA256SUMS or its signature after 10 seconds, whatever is known by then: what they shall read has to be there before. */
const ANSWER_MS = 8_000;
const RETRY_MS = 5_000;

/**
 * What `work` comes to, if it does so in time.
 * @param started when the request came in, as `performance.now()` says.
 * @throws ProxyError `upstream-unavailable` after eight seconds; what `work` does later is not waited for.
 */
export async function inTime<T>(started: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const error = new ProxyError('upstream-unavailable', 'Neither upstream nor what is stored answered in time. Try again in a moment.', { retryAfterMs: RETRY_MS });
    controller.abort(error);
    late.reject(error);
  }, Math.max(0, started + ANSWER_MS - performance.now()));
  const done = work(controller.signal);
  try {
    return await Promise.race([done, late.promise]);
  } finally {
    clearTimeout(timer);
    // Whoever comes too late has nobody to tell.
    done.catch(() => undefined);
  }
}
