import { pipeline, type Readable, type Transform } from 'node:stream';
import zlib from 'node:zlib';

import { isProxyError, ProxyError, redactUrl } from '@oci-package-proxy/errors';

// Old Node has no zstd; then it is not asked for either.
const ZSTD = typeof zlib.createZstdDecompress === 'function';

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: () => zlib.createUnzip(),
  'x-gzip': () => zlib.createUnzip(),
  deflate: () => zlib.createUnzip(),
  br: () => zlib.createBrotliDecompress(),
  ...(ZSTD && { zstd: () => zlib.createZstdDecompress() }),
};

/** The `accept-encoding` whose every coding {@link decoded} undoes. */
export const ACCEPT_ENCODING: string = ZSTD ? 'zstd, br, gzip, deflate' : 'br, gzip, deflate';

/**
 * Undoes the content codings of `body`: RFC 9110 §8.4. Destroying what is returned lets go of `body`, and a failure of
 * `body` or of a decoder is one of what is returned.
 * @throws ProxyError `upstream-unavailable` when a coding is none that was asked for; `body` is destroyed then.
 */
export function decoded(body: Readable, contentEncoding: string | undefined, url: string): Readable {
  const codings = codingsOf(contentEncoding);
  const decoders: Transform[] = [];
  for (const coding of codings.reverse()) {
    const make = DECODERS[coding];
    if (make === undefined) {
      body.destroy();
      throw new ProxyError('upstream-unavailable', `fetching ${redactUrl(url)}: the answer has a content coding that was not asked for; look at what stands before the upstream`);
    }
    decoders.push(make());
  }
  const last = decoders.at(-1);
  if (last === undefined) {
    return body;
  }
  // The last decoder carries whatever went wrong in any of them.
  pipeline([body, ...decoders], () => undefined);
  return last;
}

/** Whether a body has to be decoded. */
export function isCoded(contentEncoding: string | undefined): boolean {
  return codingsOf(contentEncoding).length > 0;
}

/**
 * Reads a decoded body whole.
 * @throws ProxyError `too-large` beyond `limitBytes`, `upstream-unavailable` when it breaks off or cannot be decoded.
 */
export async function readDocument(body: Readable, contentEncoding: string | undefined, context: { readonly url: string; readonly limitBytes: number }): Promise<Buffer> {
  const subject = `fetching ${redactUrl(context.url)}`;
  const source = decoded(body, contentEncoding, context.url);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > context.limitBytes) {
        throw new ProxyError('too-large', `${subject}: the document is over ${context.limitBytes} bytes; raise the limit for documents if it is meant to be`);
      }
      chunks.push(chunk);
    }
  } catch (error) {
    if (isProxyError(error)) {
      throw error;
    }
    throw new ProxyError('upstream-unavailable', `${subject}: the answer broke off or cannot be decoded; look at the upstream's health`, { cause: error });
  } finally {
    body.destroy();
  }
  return Buffer.concat(chunks, size);
}

function codingsOf(contentEncoding: string | undefined): string[] {
  const codings = (contentEncoding ?? '').split(',').map((coding) => coding.trim().toLowerCase());
  return codings.filter((coding) => coding !== '' && coding !== 'identity');
}
