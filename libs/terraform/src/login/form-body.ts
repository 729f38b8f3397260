import { ProxyError } from '@oci-package-proxy/errors';
import type { FastifyRequest } from 'fastify';

const FORM = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;
const LIMIT_BYTES = 16 * 1024;

/**
 * The fields of a form.
 * @throws ProxyError `unsupported-media-type` for another type, `too-large`; `aborted` when the sender leaves.
 */
export async function formBody({ raw, headers }: FastifyRequest): Promise<URLSearchParams> {
  if (!FORM.test((headers['content-type'] ?? '').trim())) {
    throw new ProxyError('unsupported-media-type', 'The body must be a form: send Content-Type: application/x-www-form-urlencoded.');
  }
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of raw.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > LIMIT_BYTES) {
        throw new ProxyError('too-large', `The form is larger than the ${LIMIT_BYTES} bytes that are allowed here.`);
      }
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof ProxyError ? error : new ProxyError('aborted', 'Reading the form: the sender left before its end.', { cause: error });
  }
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
}
