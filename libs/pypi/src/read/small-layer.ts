import type { Descriptor } from '@oci-package-proxy/oci';
import type { LedgerReader, PackageRef } from '@oci-package-proxy/storage';

/**
 * The bytes of a small layer, verified; null when storage has lost it.
 * @param layer of a size that was found to be small.
 * @throws ProxyError as the ledger does; `integrity` for other bytes.
 */
export async function readSmallLayer(ledger: Pick<LedgerReader, 'open'>, ref: PackageRef, { layer, signal }: { readonly layer: Descriptor; readonly signal?: AbortSignal | undefined }): Promise<Buffer | null> {
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
