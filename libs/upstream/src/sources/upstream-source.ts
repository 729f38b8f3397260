import { Readable } from 'node:stream';

import { ProxyError, redactUrl } from '@oci-package-proxy/errors';

import { decoded, isCoded } from '../documents/decoded-body.ts';
import type { DownloadSource, SourceBody } from '../download/download-port.ts';
import type { Upstream, UpstreamResponse } from '../upstream-port.ts';
import { parseContentLength, parseContentRange } from './content-range.ts';

/** Where a file is. */
export interface UpstreamSourceOptions {
  readonly upstream: Upstream;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** For logs; default `upstream`. */
  readonly name?: string;
}

/** A file at upstream, read from the middle with `Range` and `If-Range` (RFC 9110 §14.2, §13.1.5). */
export function upstreamSource(options: UpstreamSourceOptions): DownloadSource {
  return {
    name: options.name ?? 'upstream',
    open: async (at, signal) => {
      const answer = await ask(options, at, signal);
      // A part of a coded body cannot be decoded: it is asked for whole.
      if (answer.status === 206 && isCoded(answer.headers['content-encoding'])) {
        answer.body.destroy();
        return bodyOf(await ask(options, { offset: 0, validator: null }, signal), options.url);
      }
      return isPastTheEnd(answer, at.offset) ? nothingMore(answer, at.offset) : bodyOf(answer, options.url);
    },
  };
}

async function ask({ upstream, url, headers }: UpstreamSourceOptions, at: { readonly offset: number; readonly validator: string | null }, signal: AbortSignal): Promise<UpstreamResponse> {
  const range = at.offset === 0 ? {} : { range: `bytes=${at.offset}-`, ...(at.validator !== null && { 'if-range': at.validator }) };
  return upstream.get({ url, headers: { accept: '*/*', ...headers, 'accept-encoding': 'identity', ...range }, signal });
}

// The connection broke after the last byte, of a file whose size nobody had said: RFC 9110 §15.5.17.
function isPastTheEnd({ status, headers }: UpstreamResponse, offset: number): boolean {
  return status === 416 && offset > 0 && headers['content-range'] === `bytes */${offset}`;
}

function nothingMore(answer: UpstreamResponse, offset: number): SourceBody {
  answer.body.destroy();
  return { offset, size: offset, validator: null, stream: Readable.from([]) };
}

function bodyOf(answer: UpstreamResponse, url: string): SourceBody | null {
  const { status, headers, body } = answer;
  if (status === 404 || status === 410) {
    body.destroy();
    return null;
  }
  const validator = strongValidator(headers['etag']);
  if (status === 200) {
    return isWrapped(headers['content-encoding'], url)
      ? { offset: 0, size: null, validator, stream: decoded(body, headers['content-encoding'], url) }
      : { offset: 0, size: parseContentLength(headers['content-length']), validator, stream: body };
  }
  const range = status === 206 ? parseContentRange(headers['content-range']) : null;
  if (range === null) {
    body.destroy();
    throw new ProxyError('upstream-unavailable', `fetching ${redactUrl(url)}: upstream answered ${status}, which is no file; check the upstream's URL`);
  }
  return { offset: range.start, size: range.size, validator, stream: body };
}

/**
 * Whether the coding was put around the file on its way. Some servers take the file's own compression for one:
 * a `.tar.gz` that is "gzip" coded although none was asked for is the file itself.
 */
function isWrapped(contentEncoding: string | undefined, url: string): boolean {
  const ownCompression = /\.(?:t?gz|gzip)$/i.test(new URL(url).pathname) && /^\s*(?:x-)?gzip\s*$/i.test(contentEncoding ?? '');
  return isCoded(contentEncoding) && !ownCompression;
}

// A weak one may be the same for other bytes: RFC 9110 §8.8.1.
function strongValidator(etag: string | undefined): string | null {
  return etag === undefined || !etag.startsWith('"') ? null : etag;
}
