import type { FastifyRequest } from 'fastify';
import { z } from 'zod';

import { ProxyError } from '@oci-package-proxy/errors';
import { readJson } from '@oci-package-proxy/platform';

import { MAX_KEY_BYTES } from './key-answer.ts';

const BODY_BYTES = 64 * 1024;

const YankBody = z.strictObject({ reason: z.string().nullish() });

/**
 * The reason in the body of a yank; empty where there is no body, or no reason in it.
 * @throws ProxyError `invalid` with the name of what is wrong, `unsupported-media-type`, `too-large`.
 */
export async function readYank(request: FastifyRequest): Promise<string> {
  const body = await readJson(request, BODY_BYTES);
  // Forms of other sites reach a server that a browser is signed in to, but cannot send this type.
  if (body !== undefined && request.headers['content-type'] === undefined) {
    throw new ProxyError('unsupported-media-type', 'The body has no type: send Content-Type: application/json.');
  }
  const result = YankBody.safeParse(body ?? {});
  if (!result.success) {
    throw new ProxyError('invalid', 'A yank takes a JSON object such as {"reason": "broken on Windows"}, or no body.');
  }
  return result.data.reason ?? '';
}

/**
 * The armored key in a body of any type.
 * @throws ProxyError `invalid` for an empty body or what is no text; `unsupported-media-type` for a content coding; `too-large`; `aborted`.
 */
export async function readKey(request: FastifyRequest): Promise<string> {
  const coding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (coding !== 'identity' && coding !== '') {
    throw new ProxyError('unsupported-media-type', 'The body has a Content-Encoding. Send the key as it is.');
  }
  const bytes = await readBytes(request);
  if (bytes.length === 0) {
    throw new ProxyError('invalid', 'The body is empty. Send the armored public key, as `gpg --armor --export` writes it.');
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ProxyError('invalid', 'The body is no text. Send the armored public key, as `gpg --armor --export` writes it.');
  }
}

async function readBytes({ raw }: FastifyRequest): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    // The request is not destroyed on failure: the answer still has to go out on its socket.
    for await (const chunk of raw.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > MAX_KEY_BYTES) {
        throw new ProxyError('too-large', `The body is larger than the ${MAX_KEY_BYTES} bytes that a key may have.`);
      }
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof ProxyError ? error : new ProxyError('aborted', 'Reading the body: the sender left before its end.', { cause: error });
  }
  return Buffer.concat(chunks, size);
}
