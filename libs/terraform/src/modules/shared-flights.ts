import { ProxyError } from '@oci-package-proxy/errors';

/** Work that is done once for all who want the same at the same time. Nobody of those who wait stops it for the others. */
export class SharedFlights<T> {
  readonly #running = new Map<string, Promise<T>>();

  /**
   * What `work` comes to, or the work of the same key that is under way.
   * @param how `signal`: of whoever waits; `subject`: what is waited for, for the error text.
   * @throws ProxyError `aborted`; what the work throws.
   */
  async join(key: string, work: () => Promise<T>, how: { readonly signal: AbortSignal | undefined; readonly subject: string }): Promise<T> {
    const running = this.#running.get(key) ?? this.#start(key, work);
    return untilAborted(running, how.signal, how.subject);
  }

  #start(key: string, work: () => Promise<T>): Promise<T> {
    const flight = work().finally(() => this.#running.delete(key));
    this.#running.set(key, flight);
    // All who waited may have left.
    flight.catch(() => undefined);
    return flight;
  }
}

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined, subject: string): Promise<T> {
  if (signal === undefined) {
    return work;
  }
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(new ProxyError('aborted', `${subject}: not waited for any more.`, { cause: signal.reason }));
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) {
    abort();
  }
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
