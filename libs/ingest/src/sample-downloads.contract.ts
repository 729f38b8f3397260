import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';

import { ProxyError } from '@oci-package-proxy/errors';
import { temporaryDirectory } from '@oci-package-proxy/testing';
import { type DownloadSource, SharedDownloads, type SourceBody } from '@oci-package-proxy/upstream';

/** The sha256 of `content`, lower-case hex. */
export function sha256Of(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** A source of `content`: null means that it has none, an error that it fails. */
export function sourceOf(name: string, content: string | null | ProxyError): DownloadSource & { opened: number } {
  const source = {
    name,
    opened: 0,
    open: async (): Promise<SourceBody | null> => {
      source.opened += 1;
      if (content instanceof ProxyError) {
        throw content;
      }
      return content === null ? null : { offset: 0, size: content.length, validator: null, stream: Readable.from([Buffer.from(content)]) };
    },
  };
  return source;
}

/** Real downloads in a directory of their own. `stop` ends them and removes it. */
export async function startDownloads(): Promise<{ readonly downloads: SharedDownloads; stop(): Promise<void> }> {
  const directory = await temporaryDirectory('ingest-spool');
  const downloads = new SharedDownloads({ directory, maxBytes: 10 * 2 ** 20 });
  return {
    downloads,
    stop: async () => {
      await downloads.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
