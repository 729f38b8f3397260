import { ProxyError } from '@oci-package-proxy/errors';
import type { Descriptor } from '@oci-package-proxy/oci';
import type { LedgerReader, PackageRef } from '@oci-package-proxy/storage';

/**
 * The bytes of a small layer, verified; null when storage has lost it.
 * @param layer of a size that was found to be small when it was stored.
 * @throws ProxyError as the ledger does; `integrity` for other bytes.
 */
export async function readStoredLayer(ledger: Pick<LedgerReader, 'open'>, ref: PackageRef, { layer, signal }: { readonly layer: Pick<Descriptor, 'digest' | 'size'>; readonly signal?: AbortSignal | undefined }): Promise<Buffer | null> {
  const body = await ledger.open(ref, layer, { signal });
  if (body === null) {
    return null;
  }
  const chunks: Buffer[] = [];
  for await (const chunk of body.stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The hex of a sha256 digest. */
export function hexOf(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** What is said of a file that only storage had. */
export function lostFile(subject: string): ProxyError {
  return new ProxyError('storage-unavailable', `${subject}: storage has lost this, and there is no upstream to fetch the same from. Restore it from a backup of the registry.`);
}
