import type { Upstream } from '@oci-package-proxy/upstream';

import { isUpstreamFailure } from '../read/upstream-failure.ts';

/**
 * When a file was put where it is, as its host says (RFC 9110 §8.8.2), for indexes that do not say when it was uploaded: resolvers
 * that leave out what is too new cannot do without. `yyyy-mm-ddThh:mm:ssZ`; null where the host does not say.
 */
export async function lastModified(http: Upstream, url: string, signal: AbortSignal): Promise<string | null> {
  try {
    const answer = await http.get({ url, headers: { accept: '*/*', range: 'bytes=0-0' }, signal });
    answer.body.on('error', () => undefined).destroy();
    const time = answer.status === 200 || answer.status === 206 ? Date.parse(answer.headers['last-modified'] ?? '') : Number.NaN;
    return Number.isNaN(time) ? null : new Date(time).toISOString().replace('.000Z', 'Z');
  } catch (error) {
    if (!isUpstreamFailure(error)) {
      throw error;
    }
    return null;
  }
}
