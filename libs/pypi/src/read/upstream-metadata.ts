import { createHash } from 'node:crypto';

import { isProxyError } from '@oci-package-proxy/errors';

import type { PypiUpstream } from '../config/indexes.ts';
import type { UpstreamFile } from '../model/project-page.ts';
import { MAX_METADATA_BYTES } from './held-file.ts';

/**
 * The core metadata that upstream serves beside a wheel (PEP 658), if it is what upstream's index announces; null where it is not,
 * where there is none, or upstream does not hand it out.
 * @throws ProxyError `upstream-unavailable` and its likes when upstream cannot be asked.
 */
export async function fetchAnnouncedMetadata({ documents }: PypiUpstream, { url, metadataSha256 }: UpstreamFile, signal: AbortSignal | undefined): Promise<Buffer | null> {
  if (metadataSha256 === null) {
    return null;
  }
  try {
    const document = await documents.get({ url: metadataUrl(url), accept: '*/*', ...(signal === undefined ? {} : { signal }) });
    return document !== null && document.bytes.length <= MAX_METADATA_BYTES && sha256Of(document.bytes) === metadataSha256 ? document.bytes : null;
  } catch (error) {
    // File hosts say 403 of what is not there; and what is too large is no metadata.
    if (isProxyError(error, 'upstream-denied') || isProxyError(error, 'too-large')) {
      return null;
    }
    throw error;
  }
}

/** Lower-case hex. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The path is what names the file: what a server wants besides stays behind it. */
function metadataUrl(fileUrl: string): string {
  const url = new URL(fileUrl);
  url.pathname += '.metadata';
  return url.href;
}
