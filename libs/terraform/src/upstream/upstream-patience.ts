import { isProxyError, ProxyError } from '@oci-package-proxy/errors';

import type { ReadCall } from '../read/read-port.ts';

/**
 * Clients give up a document after ten seconds, so upstream has six (ms) for all that it is asked for one: what is held has to be read
 * after that.
 */
export const PATIENCE_MS = 6_000;

/** What is asked of upstream, and how long (ms) it is waited for. */
export interface PatientCall extends ReadCall {
  readonly patienceMs: number;
  /** For errors: "registry.example.com". */
  readonly upstream: string;
}

/**
 * What `work` asks of upstream, if it answers in time.
 * @throws ProxyError `upstream-unavailable` when it does not, and as `work` does.
 */
export async function withPatience<T>({ signal, fresh = false, patienceMs, upstream }: PatientCall, work: (call: ReadCall) => Promise<T>): Promise<T> {
  const timeout = AbortSignal.timeout(patienceMs);
  try {
    return await work({ fresh, signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]) });
  } catch (error) {
    if (isProxyError(error, 'aborted') && timeout.aborted && signal?.aborted !== true) {
      throw new ProxyError('upstream-unavailable', `Upstream ${upstream} did not answer in time. Try again later, or look at its health.`, { cause: error });
    }
    throw error;
  }
}
