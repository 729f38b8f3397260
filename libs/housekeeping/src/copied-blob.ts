import { Readable } from 'node:stream';

import { ProxyError } from '@oci-package-proxy/errors';
import { type BlobSource, bufferBlob, type Descriptor, digestOf, type Repository } from '@oci-package-proxy/oci';

/**
 * A blob of another repository as the source of a write. Nothing is kept on the way: a store that has to begin again reads it from
 * there again. Content that stands in the descriptor is taken from there.
 * @param onBytes hears how many bytes were read, as they are.
 */
export function repositoryBlob(repository: Repository, descriptor: Descriptor, how: { readonly signal?: AbortSignal | undefined; onBytes(count: number): void }): BlobSource {
  const inside = descriptor.data === undefined ? null : Buffer.from(descriptor.data, 'base64');
  if (inside !== null && digestOf(inside) === descriptor.digest && inside.length > 0) {
    const source = bufferBlob(inside);
    return { ...source, open: () => counted(source.open(), how.onBytes) };
  }
  const { digest, size } = descriptor;
  return { digest, size, open: () => counted(bytesOf(repository, descriptor, how.signal), how.onBytes) };
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

async function* bytesOf(repository: Repository, { digest }: Descriptor, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  const body = await repository.readBlob(digest, { signal });
  if (body === null) {
    throw new ProxyError('integrity', `The blob ${digest} of repository ${repository.name} is missing in the store that is copied from.`);
  }
  yield* body.stream as AsyncIterable<Buffer>;
}
