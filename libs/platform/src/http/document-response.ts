import type { FastifyReply, FastifyRequest } from 'fastify';

import { acceptsGzip } from './accept-encoding.ts';
import { evaluateConditions } from './conditions.ts';
import { keptBy304 } from './file-response.ts';

/** A metadata document to send, whole and in memory. */
export interface DocumentBody {
  readonly bytes: Buffer;
  /** The same, compressed once for all who take it. */
  readonly gzip?: Buffer;
  /** Sent exactly as it is. */
  readonly contentType: string;
  /** Names the content, whatever its coding: the text of the strong entity tags is made of it. */
  readonly etag: string;
  /** A `vary` in it is completed with `accept-encoding`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Answers GET or HEAD with a document: 304, content coding, and a strong entity tag for each coding (RFC 9110 §8.8.3.3), as some
 * clients ask again by no other. Whoever shows any of the tags has the document. Resolves when it is handed over.
 */
export async function sendDocument(reply: FastifyReply, request: FastifyRequest, document: DocumentBody): Promise<void> {
  const gzip = document.gzip !== undefined && acceptsGzip(request.headers['accept-encoding']) ? document.gzip : null;
  const [plain, packed] = [`"${document.etag}"`, `"${document.etag}-gzip"`];
  const tags = gzip === null ? [plain, packed] : [packed, plain];
  for (const etag of tags) {
    const condition = evaluateConditions(request.headers, { etag });
    if (condition === 'not-modified') {
      await reply.code(304).headers(keptBy304(headersOf(document, etag))).send();
      return;
    }
  }
  if (tags.every((etag) => evaluateConditions(request.headers, { etag }) === 'failed')) {
    await reply.code(412).headers(keptBy304(headersOf(document, tags[0] ?? plain))).send();
    return;
  }
  const bytes = gzip ?? document.bytes;
  reply.code(200).headers(headersOf(document, tags[0] ?? plain)).header('content-length', String(bytes.length));
  if (gzip !== null) {
    reply.header('content-encoding', 'gzip');
  }
  await reply.send(request.method === 'HEAD' ? undefined : bytes);
}

function headersOf(document: DocumentBody, etag: string): Record<string, string> {
  const headers = { ...lowerCased(document.headers ?? {}), etag, 'content-type': document.contentType };
  return document.gzip === undefined ? headers : { ...headers, vary: withAcceptEncoding(headers) };
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function withAcceptEncoding(headers: { readonly vary?: string } & Readonly<Record<string, string>>): string {
  const vary = headers.vary ?? '';
  if (vary.trim() === '*' || /(?:^|,)\s*accept-encoding\s*(?:,|$)/i.test(vary)) {
    return vary;
  }
  return vary === '' ? 'Accept-Encoding' : `${vary}, Accept-Encoding`;
}
