import { pipeline } from 'node:stream/promises';
import type { Readable } from 'node:stream';

import type { FastifyReply, FastifyRequest } from 'fastify';

import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import type { ByteRange } from '@oci-package-proxy/oci';

import { currentExchange } from '../logging/exchange.ts';
import { requestedRange } from './byte-range.ts';
import { evaluateConditions, rangeStillValid } from './conditions.ts';
import { ExactLength } from './exact-length.ts';
import { onSocketClose } from './socket-close.ts';

/** A file to send. */
export interface FileBody {
  /** Bytes of the whole file; null while nobody knows, which rules ranges out. */
  readonly size: number | null;
  /** Text of the strong entity tag, without quotes: the digest. */
  readonly etag: string;
  readonly contentType: string;
  /**
   * Opens the file, or exactly `range` of it. Not called for HEAD, 304, 412 and 416. `signal` aborts when the client leaves.
   * May throw before the first byte, which is then answered as any error.
   */
  open(range: ByteRange | undefined, signal: AbortSignal): Promise<Readable>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Which parts can be cut out. `suffix`: only those that reach to the end; others get the whole. Default `any`. */
  readonly ranges?: 'any' | 'suffix' | 'none';
}

/** What a 304 repeats of the headers of a 200: RFC 9110 §15.4.5. */
const KEPT_BY_304 = new Set(['cache-control', 'content-location', 'date', 'expires', 'vary']);

/**
 * Answers GET or HEAD with a file: validators, preconditions and one range as RFC 9110 §13 and §14 say. A source that
 * fails or has the wrong length cuts the connection, so that no client takes the part for the whole.
 * Resolves when the answer is over, however it ended.
 * @throws what `open` throws, while nothing has been sent.
 */
export async function sendFile(reply: FastifyReply, file: FileBody, request: FastifyRequest): Promise<void> {
  const etag = `"${file.etag}"`;
  const headers = { ...file.headers, etag, ...(rangesOf(file) === 'none' ? {} : { 'accept-ranges': 'bytes' }) };
  const condition = evaluateConditions(request.headers, { etag });
  if (condition === 'not-modified') {
    await reply.code(304).headers(keptBy304(headers)).send();
    return;
  }
  if (condition === 'failed') {
    await reply.code(412).headers({ etag }).send();
    return;
  }
  const range = rangeFor(request, file, etag);
  if (range === 'unsatisfiable') {
    reply.header('content-range', `bytes */${file.size}`);
    throw new ProxyError('range-not-satisfiable', `The range lies outside of the file, which has ${file.size} bytes.`);
  }
  await sendPart(reply, request, { file, range, headers });
}

function rangesOf(file: FileBody): 'any' | 'suffix' | 'none' {
  return file.size === null ? 'none' : (file.ranges ?? 'any');
}

// A Range means something for GET only: RFC 9110 §14.2.
function rangeFor(request: FastifyRequest, file: FileBody, etag: string): ByteRange | null | 'unsatisfiable' {
  const kind = rangesOf(file);
  if (request.method !== 'GET' || file.size === null || kind === 'none' || !rangeStillValid(request.headers, { etag })) {
    return null;
  }
  const range = requestedRange(request.headers.range, file.size);
  const inside = range !== null && range !== 'unsatisfiable' && range.end !== file.size - 1;
  return kind === 'suffix' && inside ? null : range;
}

interface Part {
  readonly file: FileBody;
  readonly range: ByteRange | null;
  readonly headers: Readonly<Record<string, string>>;
}

async function sendPart(reply: FastifyReply, request: FastifyRequest, part: Part): Promise<void> {
  const { file, range } = part;
  const length = range === null ? file.size : range.end - range.start + 1;
  const headers = {
    ...part.headers,
    'content-type': file.contentType,
    ...(length !== null && { 'content-length': String(length) }),
    ...(range !== null && { 'content-range': `bytes ${range.start}-${range.end}/${file.size}` }),
  };
  if (request.method === 'HEAD') {
    await reply.code(200).headers(headers).send();
    return;
  }
  const left = clientLeft(reply);
  try {
    const source = await file.open(range ?? undefined, left.signal);
    // One that the client's leaving has ended already says so a moment later, and an error that nobody hears of ends the process.
    source.on('error', () => undefined);
    if (left.signal.aborted) {
      source.destroy();
      return;
    }
    reply.hijack();
    reply.raw.writeHead(range === null ? 200 : 206, { ...outgoing(reply), ...headers });
    await pour(reply, source, length);
  } finally {
    left.release();
  }
}

/** Headers that hooks or the controller set before. */
function outgoing(reply: FastifyReply): Record<string, string | string[] | number> {
  return Object.fromEntries(Object.entries(reply.getHeaders()).filter(([, value]) => value !== undefined)) as Record<string, string | string[] | number>;
}

async function pour(reply: FastifyReply, source: Readable, length: number | null): Promise<void> {
  const note = failureNote();
  const counted = length === null ? [] : [new ExactLength(length)];
  for (const stream of [source, ...counted]) {
    // Noted before the response is destroyed, which is when the request is logged.
    stream.once('error', note);
  }
  try {
    await pipeline([source, ...counted, reply.raw]);
  } catch {
    // Never an end: the client must see that it has not got everything.
    reply.raw.destroy();
  }
}

// Listeners run outside of the request's context, so the exchange is taken now.
function failureNote(): (error: unknown) => void {
  const exchange = currentExchange();
  return (error) => {
    if (exchange === null || exchange.failure !== null || (error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE')) {
      return;
    }
    exchange.failure = isProxyError(error) ? { code: error.code, message: error.message } : { code: 'internal', message: 'the file could not be read to its end' };
  };
}

function clientLeft(reply: FastifyReply): { signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const { raw } = reply;
  const socket = reply.request.raw.socket;
  const leave = (): void => {
    if (!raw.writableFinished) {
      controller.abort(new ProxyError('aborted', 'The client left.'));
    }
  };
  raw.once('close', leave);
  const forget = onSocketClose(socket, leave);
  if (socket.destroyed) {
    leave();
  }
  return {
    signal: controller.signal,
    release: () => {
      raw.off('close', leave);
      forget();
    },
  };
}

/** The headers of `headers` that belong into a 304. */
export function keptBy304(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name === 'etag' || KEPT_BY_304.has(name.toLowerCase())));
}
