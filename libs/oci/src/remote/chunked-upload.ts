import { ProxyError } from '@oci-package-proxy/errors';

import type { BlobSource } from '../ports/repository.ts';
import { type Answer, headerText } from './http/exchange.ts';
import { PUSH, type RepositoryEndpoint } from './repository-endpoint.ts';
import { SourcePieces } from './source-pieces.ts';
import { checkUploaded, nextLocation, uploadFailure, type UploadSession, withDigest } from './upload-session.ts';

/** Chunks of one upload that the registry may take a part of only; each costs reading the source again. */
const MAX_SHORT = 8;
const TAKEN: ReadonlySet<number> = new Set([200, 201, 202, 204]);

/** A blob that is sent in chunks. */
export interface ChunkedUpload {
  readonly session: UploadSession;
  /** Bytes of a chunk; the registry may want more. */
  readonly chunkBytes: number;
  readonly signal: AbortSignal | undefined;
}

interface Chunk {
  readonly pieces: SourcePieces;
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/**
 * Sends a blob by PATCH after PATCH and ends with a PUT: distribution-spec "Pushing a blob in chunks". Nothing is stored under its digest
 * before that PUT, which comes only when the whole source was right. A chunk of which the registry took a part is followed from there.
 * @throws ProxyError `storage-unavailable` when the session is lost: another one may do; what the source fails with.
 */
export async function sendChunks(endpoint: RepositoryEndpoint, source: BlobSource, upload: ChunkedUpload): Promise<void> {
  const length = Math.max(upload.chunkBytes, upload.session.minChunkBytes);
  const pieces = new SourcePieces(source, endpoint.name);
  try {
    let short = 0;
    for (let start = 0; start < source.size; ) {
      const end = Math.min(start + length, source.size);
      const taken = await sendChunk(endpoint, source, { ...upload, chunk: { pieces, start, end } });
      short += taken < end ? 1 : 0;
      if (taken <= start || taken > end || short > MAX_SHORT) {
        throw new ProxyError('storage-unavailable', `${endpoint.subject(`uploading ${source.digest}`)}: the registry says that it has ${taken} bytes after ${end} were sent`);
      }
      start = taken;
    }
  } finally {
    pieces.close();
  }
  await finish(endpoint, source, upload);
}

/** @returns how many bytes of the blob the registry has. */
async function sendChunk(endpoint: RepositoryEndpoint, source: BlobSource, upload: ChunkedUpload & { readonly chunk: Chunk }): Promise<number> {
  const { session, signal, chunk: { pieces, start, end } } = upload;
  const request = endpoint.request({
    method: 'PATCH',
    path: session.location,
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(end - start), 'content-range': `${start}-${end - 1}` },
    body: () => pieces.piece(start, end - start),
    operation: `uploading ${source.digest}`,
    actions: PUSH,
    lane: 'upload',
    signal,
  });
  const answer = await endpoint.client.askOnce(request);
  if (!TAKEN.has(answer.status)) {
    throw uploadFailure(endpoint, answer, request.subject);
  }
  // Each request goes to the latest location; where none is said, it is the same as before.
  session.location = nextLocation(endpoint, answer) ?? session.location;
  return takenBytes(answer) ?? end;
}

async function finish(endpoint: RepositoryEndpoint, source: BlobSource, { session, signal }: ChunkedUpload): Promise<void> {
  session.ending = true;
  const request = endpoint.request({
    method: 'PUT',
    path: withDigest(session.location, source.digest),
    headers: { 'content-type': 'application/octet-stream' },
    body: Buffer.alloc(0),
    operation: `uploading ${source.digest}`,
    actions: PUSH,
    lane: 'upload',
    signal,
  });
  const answer = await endpoint.client.askOnce(request);
  checkUploaded(endpoint, answer, { digest: source.digest, subject: request.subject });
}

/** `Range: 0-<last>` of an answer; some write `bytes=` before it. */
function takenBytes(answer: Answer): number | null {
  const match = /^(?:bytes[= ])?0-(\d{1,15})$/.exec(headerText(answer.headers, 'range') ?? '');
  return match === null ? null : Number(match[1]) + 1;
}
