import { ProxyError } from '@oci-package-proxy/errors';

/**
 * `shared`, or a failure as soon as `signal` says so: one caller going away must not stop what others wait for.
 * @throws ProxyError `aborted`.
 */
export async function untilAborted<T>(shared: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) {
    return shared;
  }
  const { promise: abortion, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(new ProxyError('aborted', 'storage: the caller went away'));
  if (signal.aborted) {
    abort();
  }
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([abortion, shared]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
