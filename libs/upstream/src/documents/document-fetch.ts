import { createHash } from 'node:crypto';

import { ProxyError, redactUrl } from '@oci-package-proxy/errors';

import type { Upstream, UpstreamResponse } from '../upstream-port.ts';
import { ACCEPT_ENCODING, readDocument } from './decoded-body.ts';

/** A document as upstream last sent it. */
export interface StoredDocument {
  readonly bytes: Buffer;
  readonly contentType: string;
  /** After redirects. */
  readonly url: string;
  readonly etag: string | null;
  readonly lastModified: string | null;
  readonly revision: string;
}

/** A fetch of one document. */
export interface DocumentFetch {
  readonly url: string;
  readonly accept: string;
  readonly limitBytes: number;
  /** What is there already: asked for conditionally. */
  readonly known: StoredDocument | null;
  readonly signal: AbortSignal;
}

/**
 * Asks upstream for a document: RFC 9110 §13 when one is known.
 * @returns `known` itself when it is unchanged, null when upstream says that there is none (404, 410).
 * @throws ProxyError as {@link Upstream.get} does, `too-large`, and `upstream-unavailable` for an answer that is none of these.
 */
export async function fetchDocument(upstream: Upstream, fetch: DocumentFetch): Promise<StoredDocument | null> {
  const answer = await upstream.get({ url: fetch.url, headers: headersOf(fetch), signal: fetch.signal });
  if (answer.status === 200) {
    return received(answer, fetch);
  }
  answer.body.destroy();
  if (answer.status === 404 || answer.status === 410) {
    return null;
  }
  if (answer.status === 304 && fetch.known !== null) {
    return { ...fetch.known, url: answer.url, etag: answer.headers['etag'] ?? fetch.known.etag, lastModified: answer.headers['last-modified'] ?? fetch.known.lastModified };
  }
  throw new ProxyError('upstream-unavailable', `fetching ${redactUrl(fetch.url)}: upstream answered ${answer.status}, which is no document; check the upstream's URL`);
}

async function received(answer: UpstreamResponse, fetch: DocumentFetch): Promise<StoredDocument> {
  const bytes = await readDocument(answer.body, answer.headers['content-encoding'], { url: fetch.url, limitBytes: fetch.limitBytes });
  return {
    bytes,
    contentType: answer.headers['content-type'] ?? 'application/octet-stream',
    url: answer.url,
    etag: answer.headers['etag'] ?? null,
    lastModified: answer.headers['last-modified'] ?? null,
    revision: createHash('sha256').update(bytes).digest('hex').slice(0, 32),
  };
}

function headersOf({ accept, known }: DocumentFetch): Record<string, string> {
  return {
    accept,
    'accept-encoding': ACCEPT_ENCODING,
    ...(known?.etag && { 'if-none-match': known.etag }),
    ...(known?.lastModified && { 'if-modified-since': known.lastModified }),
  };
}
