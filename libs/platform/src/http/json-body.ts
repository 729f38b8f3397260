import type { IncomingMessage } from 'node:http';
import type { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';

import type { FastifyRequest } from 'fastify';

import { ProxyError } from '@oci-package-proxy/errors';

const JSON_TYPE = /^(?:application\/(?:[^;\s]+\+)?json|text\/json)\s*(?:;|$)/i;

/**
 * The JSON value in the body of `request`, of any kind (a bare string too); `undefined` for an empty body. Content codings
 * gzip, deflate and br are undone (RFC 9110 §8.4).
 * @param limitBytes the most that the body may have, both as sent and unpacked.
 * @throws ProxyError `too-large`; `unsupported-media-type` for another content type or coding; `invalid` for what is no
 * JSON or breaks off inside its coding; `aborted` when the sender leaves.
 */
export async function readJson(request: FastifyRequest, limitBytes: number): Promise<unknown> {
  const { raw } = request;
  const type = request.headers['content-type'];
  if (type !== undefined && !JSON_TYPE.test(type.trim())) {
    throw new ProxyError('unsupported-media-type', 'The body must be JSON: send Content-Type: application/json.');
  }
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) {
    throw tooLarge(limitBytes);
  }
  const bytes = await readBody(raw, decoderFor(request.headers['content-encoding']), limitBytes);
  return bytes.length === 0 ? undefined : parse(bytes);
}

function decoderFor(encoding: string | undefined): Transform | null {
  switch ((encoding ?? '').trim().toLowerCase()) {
    case '':
    case 'identity':
      return null;
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'br':
      return createBrotliDecompress();
    default:
      throw new ProxyError('unsupported-media-type', 'The body has a Content-Encoding that is not understood: use gzip, deflate, br or none.');
  }
}

async function readBody(raw: IncomingMessage, decoder: Transform | null, limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const collect = async (source: AsyncIterable<Buffer>): Promise<void> => {
    let size = 0;
    for await (const chunk of source) {
      size += chunk.length;
      if (size > limitBytes) {
        throw tooLarge(limitBytes);
      }
      chunks.push(chunk);
    }
  };
  try {
    await (decoder === null ? collect(limited(raw, limitBytes)) : pipeline(limited(raw, limitBytes), decoder, collect));
  } catch (error) {
    throw bodyFailure(error, raw);
  }
  return Buffer.concat(chunks);
}

/** The request's chunks up to the limit. The request itself is not destroyed on failure: the answer still has to go out on its socket. */
async function* limited(raw: Readable, limitBytes: number): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of raw.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limitBytes) {
      throw tooLarge(limitBytes);
    }
    yield chunk;
  }
}

function bodyFailure(error: unknown, raw: IncomingMessage): ProxyError {
  if (error instanceof ProxyError) {
    return error;
  }
  if (raw.destroyed && !raw.complete) {
    return new ProxyError('aborted', 'Reading the body: the sender left before its end.', { cause: error });
  }
  return new ProxyError('invalid', 'The body does not have the Content-Encoding that it claims, or is cut off.', { cause: error });
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new ProxyError('invalid', 'The body is not valid JSON.');
  }
}

function tooLarge(limitBytes: number): ProxyError {
  return new ProxyError('too-large', `The body is larger than the ${limitBytes} bytes that are allowed here.`);
}
