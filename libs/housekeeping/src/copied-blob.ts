import { Readable } from 'node:stream';

import { type BlobSource, bufferBlob, type Descriptor, digestOf } from '@oci-package-proxy/oci';

import type { SourceRepository } from './source-repository.ts';

/**
 * A blob of another repository as the source of a write. Nothing is kept on the way: a store that has to begin again reads it from
 * there again. Content that stands in the descriptor is taken from there.
 * @param onBytes hears how many bytes were read, as they are.
 */
export function repositoryBlob(repository: SourceRepository, descriptor: Descriptor, how: { readonly signal?: AbortSignal | undefined; onBytes(count: number): void }): BlobSource {
  const inside = descriptor.data === undefined ? null : Buffer.from(descriptor.data, 'base64');
  if (inside !== null && digestOf(inside) === descriptor.digest && inside.length > 0) {
    const source = bufferBlob(inside);
    return { ...source, open: () => counted(source.open(), how.onBytes) };
  }
  const { digest, size } = descriptor;
  return { digest, size, open: () => counted(repository.readBytes(digest, { signal: how.signal }), how.onBytes) };
}

function counted(chunks: AsyncIterable<Buffer>, onBytes: (count: number) => void): Readable {
  async function* passed(): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      onBytes(chunk.length);
      yield chunk;
    }
  }
  return Readable.from(passed(), { objectMode: false });
}
