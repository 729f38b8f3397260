import type { Readable } from 'node:stream';

import { ProxyError } from '@oci-package-proxy/errors';

/**
 * The pieces of a body as they come in. On failure the body is left as it is, for whoever answers; only `signal` destroys it.
 * @throws ProxyError `aborted` when the sender leaves, or `signal` says so.
 */
export async function* sentChunks(body: Readable, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  const abort = (): void => void body.destroy();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    signal?.throwIfAborted();
    for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      yield chunk;
    }
  } catch (error) {
    throw error instanceof ProxyError ? error : new ProxyError('aborted', 'Reading the upload: the sender left before its end.', { cause: error });
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
