import type { IncomingHttpHeaders } from 'node:http';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';

import { ProxyError } from '@oci-package-proxy/errors';

import { headerText } from './exchange.ts';

const DECODERS = { gzip: gunzipSync, 'x-gzip': gunzipSync, deflate: inflateSync, br: brotliDecompressSync } as const;

/** How an answer is coded, though `identity` was asked for; `null` when it is not. Something on the way compresses then. */
export function contentCoding(headers: IncomingHttpHeaders): string | null {
  const coding = headerText(headers, 'content-encoding')?.trim().toLowerCase() ?? '';
  return coding === '' || coding === 'identity' ? null : coding;
}

/**
 * The bytes of a small answer as they were before something on the way coded them.
 * @throws ProxyError `storage-unavailable` when they cannot be decoded, `too-large` when they come to over `maxBytes`.
 */
export function decodedBytes(bytes: Buffer, answer: { readonly headers: IncomingHttpHeaders; readonly host: string; readonly subject: string; readonly maxBytes: number }): Buffer {
  const coding = contentCoding(answer.headers);
  if (coding === null || bytes.length === 0) {
    return bytes;
  }
  const decode = Object.entries(DECODERS).find(([name]) => name === coding)?.[1];
  try {
    if (decode !== undefined) {
      return decode(bytes, { maxOutputLength: answer.maxBytes });
    }
  } catch (error) {
    if (error instanceof RangeError) {
      throw new ProxyError('too-large', `${answer.subject}: the answer of ${answer.host} is over ${answer.maxBytes} bytes`);
    }
  }
  throw codedFailure(answer.subject, answer.host, coding);
}

/** The failure over an answer whose coding cannot be undone. */
export function codedFailure(subject: string, host: string, coding: string): ProxyError {
  const named = /^[a-z0-9-]{1,20}$/.test(coding) ? coding : 'unknown';
  return new ProxyError('storage-unavailable', `${subject}: ${host} answered in a coding that was not asked for (${named}); switch compression off in what stands before the registry`);
}
