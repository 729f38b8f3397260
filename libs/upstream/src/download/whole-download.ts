import { ProxyError } from '@oci-package-proxy/errors';

import type { Download } from './download-port.ts';

/**
 * Waits until a download is whole and verified. One without a reader is given up when it is big, so this reads: its last byte where the
 * size is known, else all.
 * @throws ProxyError as the download fails; `aborted` when `signal` ends the waiting.
 */
export async function wholeDownload(download: Download, signal?: AbortSignal): Promise<void> {
  const stream = download.stream({ start: Math.max(0, (download.size ?? 1) - 1), ...(signal === undefined ? {} : { signal }) });
  const aborted = new Promise<never>((_resolve, reject) => {
    stream.once('close', () => {
      if (signal?.aborted === true) {
        reject(new ProxyError('aborted', 'The file is not waited for any more.', { cause: signal.reason }));
      }
    });
  });
  stream.on('error', () => undefined);
  stream.resume();
  try {
    await Promise.race([download.finished, aborted]);
  } finally {
    stream.destroy();
  }
}
