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
  /** Text of the weak entity tag, without `W/` and quotes. It is the same for both codings, hence weak. */
  readonly etag: string;
  /** A `vary` in it is completed with `accept-encoding`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers GET or HEAD with a document: weak ETag, 304, content coding. Resolves when it is handed over. */
export async function sendDocument(reply: FastifyReply, request: FastifyRequest, document: DocumentBody): Promise<void> {
  const etag = `W/"${document.etag}"`;
  const headers = { ...lowerCased(document.headers ?? {}), etag, 'content-type': document.contentType };
  const varied = document.gzip === undefined ? headers : { ...headers, vary: withAcceptEncoding(headers) };
  const condition = evaluateConditions(request.headers, { etag });
  if (condition !== 'proceed') {
    await reply.code(condition === 'failed' ? 412 : 304).headers(keptBy304(varied)).send();
    return;
  }
  const gzip = document.gzip !== undefined && acceptsGzip(request.headers['accept-encoding']) ? document.gzip : null;
  const bytes = gzip ?? document.bytes;
  reply.code(200).headers(varied).header('content-length', String(bytes.length));
  if (gzip !== null) {
    reply.header('content-encoding', 'gzip');
  }
  await reply.send(request.method === 'HEAD' ? undefined : bytes);
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
