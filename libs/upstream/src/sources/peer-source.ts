import { Agent } from 'undici';

import { ProxyError } from '@oci-package-proxy/errors';

import { abortedError } from '../abort.ts';
import type { DownloadSource, SourceBody } from '../download/download-port.ts';
import { networkCode } from '../http/failures.ts';
import { parseContentLength, parseContentRange } from './content-range.ts';
import { signPeerRequest } from './peer-signature.ts';

/** Where the spool of another process is. */
export interface PeerSourceOptions {
  /** Its internal base URL, as it said itself. */
  readonly fetchUrl: string;
  readonly key: string;
  /** What all processes share. */
  readonly secret: string;
  /** Its id, for logs. */
  readonly holder: string;
  /** In milliseconds; defaults 5000 until the headers, 30000 between two pieces of the body. A connection has 2 s. */
  readonly timeouts?: { readonly headersMs?: number; readonly bodyIdleMs?: number };
}

/** The path of the internal route that serves a spool. */
export const SPOOL_PATH = '/internal/spool';

// One for the process; it opens nothing until it is asked, and what is idle does not keep the process alive.
const AGENT = new Agent({ allowH2: false, connect: { timeout: 2_000 } });

/**
 * A file in the spool of another process, which may still be growing there: `GET /internal/spool?key=…`, signed. Its
 * address comes from our own Redis, so that neither the address guard nor a circuit breaker stands before it.
 */
export function peerSource(options: PeerSourceOptions): DownloadSource {
  return {
    name: `spool of ${options.holder}`,
    open: async ({ offset }, signal) => bodyOf(await ask(options, offset, signal), options),
  };
}

async function ask(options: PeerSourceOptions, offset: number, signal: AbortSignal): Promise<Awaited<ReturnType<Agent['request']>>> {
  const base = new URL(options.fetchUrl);
  const path = `${base.pathname.replace(/\/$/, '')}${SPOOL_PATH}?key=${encodeURIComponent(options.key)}`;
  try {
    const answer = await AGENT.request({
      origin: base.origin,
      path,
      method: 'GET',
      headers: { ...signPeerRequest({ method: 'GET', path }, options.secret), 'accept-encoding': 'identity', ...(offset > 0 && { range: `bytes=${offset}-` }) },
      signal,
      headersTimeout: options.timeouts?.headersMs ?? 5_000,
      bodyTimeout: options.timeouts?.bodyIdleMs ?? 30_000,
    });
    answer.body.on('error', () => undefined);
    return answer;
  } catch (error) {
    if (signal.aborted) {
      throw abortedError(`reading the spool of ${options.holder}`, signal);
    }
    throw new ProxyError('upstream-unavailable', `reading the spool of ${options.holder}: no answer (${networkCode(error)}); check INTERNAL_URL there`, { cause: error });
  }
}

/** The validator is always null: ours means nothing to upstream, and the digest decides. */
function bodyOf(answer: Awaited<ReturnType<typeof ask>>, { holder }: PeerSourceOptions): SourceBody | null {
  const { statusCode, headers, body } = answer;
  if (statusCode === 404) {
    body.destroy();
    return null;
  }
  if (statusCode === 200) {
    return { offset: 0, size: parseContentLength(text(headers['content-length'])), validator: null, stream: body };
  }
  const range = statusCode === 206 ? parseContentRange(text(headers['content-range'])) : null;
  if (range === null) {
    body.destroy();
    throw new ProxyError('upstream-unavailable', `reading the spool of ${holder}: it answered ${statusCode}; check that SECRET_KEY and the clock are the same there`);
  }
  return { offset: range.start, size: range.size, validator: null, stream: body };
}

function text(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
