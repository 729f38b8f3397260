import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import type { Descriptor, Repository } from '@oci-package-proxy/oci';

/**
 * A small blob of metadata as a whole, verified.
 * @param how `limit` in bytes.
 * @returns null when storage does not have it.
 * @throws ProxyError `integrity` when it is larger than `limit` or not what its digest says, else what the store throws.
 */
export async function readStoredBlob(
  repository: Repository,
  layer: Pick<Descriptor, 'digest' | 'size'>,
  how: { readonly limit: number; readonly signal?: AbortSignal | undefined },
): Promise<Buffer | null> {
  if (layer.size > how.limit) {
    throw new ProxyError('integrity', `The blob ${layer.digest} of ${repository.name} has ${layer.size} bytes, where at most ${how.limit} are expected.`);
  }
  const body = await repository.readBlob(layer.digest, { signal: how.signal });
  if (body === null) {
    return null;
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body.stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > how.limit) {
      throw new ProxyError('integrity', `The blob ${layer.digest} of ${repository.name} is larger than it says.`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/** Whether a failure says that what is stored is wrong, rather than that storage cannot be asked. */
export function isWrongData(error: unknown): boolean {
  return isProxyError(error, 'integrity') || isProxyError(error, 'too-large');
}
