import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';

import type { BlobSource } from '../ports/repository.ts';
import { type Digest, digestOf } from './digest.ts';

/** Bytes in memory as a blob; for metadata, never for files. */
export function bufferBlob(bytes: Buffer): BlobSource {
  return { digest: digestOf(bytes), size: bytes.length, open: () => Readable.from([bytes], { objectMode: false }) };
}

/** A file on local disk as a blob. Digest and size (bytes) are what the caller measured; whoever stores it checks them again. */
export function fileBlob(path: string, digest: Digest, size: number): BlobSource {
  return { digest, size, open: () => createReadStream(path) };
}
