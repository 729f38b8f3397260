import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import type { Download, DownloadRequest, Downloads, SpooledFile } from '@oci-package-proxy/upstream';

/** Between its verification and our hold on it a file may be evicted. */
const TRIES = 3;

/**
 * Brings a file into the spool, or joins who does, and runs `work` with the verified file protected from eviction.
 * @throws ProxyError as {@link Downloads.open} does; `integrity`; `aborted`; `internal` when the spool does not keep the file. A file that
 * `work` refuses as `integrity` is forgotten.
 */
export async function spool<T>(downloads: Downloads, request: DownloadRequest, signal: AbortSignal, work: (file: SpooledFile) => Promise<T>): Promise<T> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    await finished(await downloads.open(request, signal), signal);
    let result: { readonly value: T } | null = null;
    try {
      await downloads.withFile(request.key, async (file) => {
        result = { value: await work(file) };
      });
    } catch (error) {
      // Nobody had said what it must be, and it is not what it must be: the next try shall not meet it again.
      if (isProxyError(error, 'integrity')) {
        downloads.forget(request.key);
      }
      throw error;
    }
    if (result !== null) {
      return (result as { readonly value: T }).value;
    }
  }
  throw new ProxyError('internal', `${request.subject}: the spool is too small to keep it; raise SPOOL_MAX_BYTES`);
}

/** A download without a reader is given up when it is big, so this one reads: its last byte where the size is known, else all. */
async function finished(download: Download, signal: AbortSignal): Promise<void> {
  const stream = download.stream({ start: Math.max(0, (download.size ?? 1) - 1), signal });
  stream.on('error', () => undefined);
  stream.resume();
  const aborted = new Promise<never>((_resolve, reject) => {
    stream.once('close', () => {
      if (signal.aborted) {
        reject(new ProxyError('aborted', 'ingest: aborted while the file was fetched', { cause: signal.reason }));
      }
    });
  });
  try {
    await Promise.race([download.finished, aborted]);
  } finally {
    stream.destroy();
  }
}
