import { ProxyError } from '@oci-package-proxy/errors';

import type { ByteRange } from '../ports/repository.ts';
import { type BlobQuery, openPart, type OpenPart } from './blob-part.ts';
import { pause } from './http/abort.ts';
import { networkFailure } from './http/failures.ts';
import type { RepositoryEndpoint } from './repository-endpoint.ts';

/** Breaks of one body, however far it came in between. */
const MAX_BREAKS = 50;
const MAX_DOUBLINGS = 5;

/** A body that was opened, and what of it is wanted. */
export interface ResumableBody {
  readonly query: BlobQuery;
  readonly opened: OpenPart;
  readonly part: ByteRange;
}

/**
 * The bytes of `part`. A body that breaks off, or ends too soon, is continued with a Range request where it broke;
 * a registry that knows no ranges sends all again, and what was already passed on is skipped.
 * @throws ProxyError `storage-unavailable` when several attempts in a row bring nothing.
 */
export async function* resumedBytes(endpoint: RepositoryEndpoint, body: ResumableBody): AsyncGenerator<Buffer, void> {
  const { query, part } = body;
  const subject = endpoint.subject(`reading blob ${query.digest}`);
  let { opened } = body;
  let position = part.start;
  let fruitless = 0;
  for (let breaks = 0; ; breaks += 1) {
    const before = position;
    let failure: unknown = new ProxyError('storage-unavailable', `${subject}: the registry sent less than it said`);
    try {
      for await (const piece of pieces(opened, part.end + 1 - position)) {
        position += piece.length;
        yield piece;
      }
    } catch (error) {
      failure = networkFailure(error, { subject, url: endpoint.client.registry, signal: query.signal });
    }
    if (position > part.end) {
      return;
    }
    fruitless = position > before ? 0 : fruitless + 1;
    if (query.signal?.aborted === true || fruitless >= endpoint.client.retry.attempts || breaks >= MAX_BREAKS) {
      throw failure;
    }
    await pause(Math.random() * endpoint.client.retry.baseMs * 2 ** Math.min(fruitless, MAX_DOUBLINGS), query.signal, subject);
    opened = await reopen(endpoint, query, { position, size: body.opened.size, end: part.end, subject });
  }
}

async function* pieces(opened: OpenPart, wanted: number): AsyncGenerator<Buffer, void> {
  let skip = opened.skip;
  let left = wanted;
  for await (const chunk of opened.body as AsyncIterable<Buffer>) {
    // Looked at only when more comes: a body that was read to its end leaves its connection usable.
    if (left === 0) {
      return;
    }
    const piece = chunk.subarray(skip, skip + left);
    skip = Math.max(0, skip - chunk.length);
    left -= piece.length;
    if (piece.length > 0) {
      yield piece;
    }
  }
}

async function reopen(
  endpoint: RepositoryEndpoint,
  query: BlobQuery,
  rest: { position: number; size: number; end: number; subject: string },
): Promise<OpenPart> {
  const whole = rest.end === rest.size - 1;
  const opened = await openPart(endpoint, query, { start: rest.position, end: whole ? null : rest.end });
  if (opened === null || opened.size !== rest.size) {
    opened?.body.destroy();
    throw new ProxyError('storage-unavailable', `${rest.subject}: the blob went away while it was read`);
  }
  return opened;
}
