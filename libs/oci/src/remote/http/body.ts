import type { Readable } from 'node:stream';

import { ProxyError } from '@oci-package-proxy/errors';

import { decodedBytes } from './content-coding.ts';
import type { Answer, OpenAnswer, RegistryRequest } from './exchange.ts';
import { networkFailure } from './failures.ts';

const ENOUGH_OF_AN_ERROR = 65_536;

/**
 * Reads the whole body of an answer. Of a failure (status 400 and above) only the beginning is kept, or what came of it.
 * @throws ProxyError `too-large` when a successful answer is longer than `maxBytes`, `storage-unavailable` when it breaks off.
 */
export async function readAnswer(answer: OpenAnswer, request: RegistryRequest, maxBytes: number): Promise<Answer> {
  const limit = answer.status >= 400 ? ENOUGH_OF_AN_ERROR : maxBytes;
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) {
        break;
      }
      chunks.push(chunk);
    }
  } catch (error) {
    // distribution 2.8 announces the blob's length for the text of its 416: the status of a failure counts without its body.
    if (answer.status < 400 || request.signal?.aborted === true) {
      throw networkFailure(error, { subject: request.subject, url: answer.url, signal: request.signal });
    }
  }
  if (size > limit && answer.status < 400) {
    throw new ProxyError('too-large', `${request.subject}: the answer of ${answer.url.host} is over ${maxBytes} bytes`);
  }
  const coded = Buffer.concat(chunks);
  const how = { headers: answer.headers, host: answer.url.host, subject: request.subject, maxBytes };
  const bytes = answer.status === 200 ? decodedBytes(coded, how) : coded;
  return { status: answer.status, headers: answer.headers, bytes, url: answer.url, foreign: answer.foreign };
}

/** Lets go of a body that nobody wants, so that its connection can be used again. */
export async function discard(body: Readable): Promise<void> {
  let size = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > ENOUGH_OF_AN_ERROR) {
        return;
      }
    }
  } catch {
    // The answer is not used; that its rest did not arrive changes nothing.
  }
}
