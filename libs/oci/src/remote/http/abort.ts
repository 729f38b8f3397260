import { ProxyError } from '@oci-package-proxy/errors';

/** The error of a call that its caller gave up. */
export function abortedError(subject: string, signal?: AbortSignal): ProxyError {
  return new ProxyError('aborted', `${subject}: given up by the caller`, { cause: signal?.reason });
}

/** @throws ProxyError `aborted` when `signal` has fired. */
export function throwIfAborted(signal: AbortSignal | undefined, subject: string): void {
  if (signal?.aborted === true) {
    throw abortedError(subject, signal);
  }
}

/**
 * `work`, or a rejection as soon as `signal` fires; `work` itself goes on, for whoever shares it.
 * @throws ProxyError `aborted`.
 */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined, subject: string): Promise<T> {
  if (signal === undefined) {
    return work;
  }
  // Whoever gives up hears nothing of `work` any more, and a failure that nobody hears of would end the process.
  work.catch(() => undefined);
  throwIfAborted(signal, subject);
  const given = Promise.withResolvers<never>();
  const giveUp = (): void => given.reject(abortedError(subject, signal));
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    return await Promise.race([work, given.promise]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

/** Waits `ms` milliseconds. @throws ProxyError `aborted` when `signal` fires before. */
export async function pause(ms: number, signal: AbortSignal | undefined, subject: string): Promise<void> {
  const timer = Promise.withResolvers<void>();
  const handle = setTimeout(timer.resolve, ms);
  try {
    await untilAborted(timer.promise, signal, subject);
  } finally {
    clearTimeout(handle);
  }
}
