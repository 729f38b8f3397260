import { PassThrough, pipeline, type Readable } from 'node:stream';

import type { BlobBody, ByteRange } from '../ports/repository.ts';
import { checkRange, notInBlob } from '../verify/byte-range.ts';
import { VerifyingStream } from '../verify/verifying-stream.ts';
import { type BlobQuery, openPart, type OpenPart } from './blob-part.ts';
import { PulledStream } from './pulled-stream.ts';
import type { RepositoryEndpoint } from './repository-endpoint.ts';
import { resumedBytes } from './resumed-bytes.ts';

/**
 * Opens a blob, or a part of it. The body is followed across broken connections; a whole blob is verified on its way.
 * The reader must read it to its end or destroy it: until then it holds one of the places for open bodies.
 */
export async function readBlob(endpoint: RepositoryEndpoint, blob: BlobQuery & { readonly range?: ByteRange | undefined }): Promise<BlobBody | null> {
  const subject = endpoint.subject(`reading blob ${blob.digest}`);
  if (blob.range !== undefined) {
    checkRange(blob.range, null, subject);
  }
  const release = await endpoint.downloads.acquire(blob.signal, subject);
  // Whoever stops reading ends the requests below, also the one that is only being repeated.
  const stopped = new AbortController();
  const query = { digest: blob.digest, signal: blob.signal === undefined ? stopped.signal : AbortSignal.any([blob.signal, stopped.signal]) };
  try {
    const opened = await openPart(endpoint, query, { start: blob.range?.start ?? 0, end: blob.range?.end ?? null });
    if (opened === null) {
      release();
      return null;
    }
    const stream = bodyOf(endpoint, { query, opened, range: blob.range, stop: () => stopped.abort() });
    stream.once('close', release);
    return { size: opened.size, stream };
  } catch (error) {
    stopped.abort();
    release();
    throw error;
  }
}

function bodyOf(
  endpoint: RepositoryEndpoint,
  body: { query: BlobQuery; opened: OpenPart; range: ByteRange | undefined; stop: () => void },
): Readable {
  const { query, opened, range } = body;
  const subject = endpoint.subject(`reading blob ${query.digest}`);
  if (range !== undefined && range.end >= opened.size) {
    opened.body.destroy();
    throw notInBlob(subject);
  }
  const part = range ?? { start: 0, end: opened.size - 1 };
  const coded = opened.coding === null ? '' : ' in a coding that was not asked for';
  const what = `blob ${query.digest} of ${endpoint.name}, as the registry sent it${coded},`;
  const bytes = new PulledStream(resumedBytes(endpoint, { query, opened, part }), body.stop);
  const through = range === undefined ? new VerifyingStream({ size: opened.size, sha256: query.digest.slice('sha256:'.length) }, what) : new PassThrough();
  // The failure of either stream is the reader's to see, on the second.
  return pipeline(bytes, through, () => undefined);
}
