import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

const TIMESTAMP = 'x-internal-timestamp';
const SIGNATURE = 'x-internal-signature';
const LONGEST_SKEW_MS = 60_000;

/** An internal request, as far as it is signed. */
export interface PeerRequest {
  readonly method: string;
  /** Path and query, as they go over the wire. */
  readonly path: string;
}

/** The headers that show a request to come from a process that has our secret. @param now milliseconds since the epoch. */
export function signPeerRequest(request: PeerRequest, secret: string, now: number = Date.now()): Record<string, string> {
  const timestamp = String(now);
  return { [TIMESTAMP]: timestamp, [SIGNATURE]: signature(request, secret, timestamp) };
}

/** Whether {@link signPeerRequest} made the headers, with the same secret, within a minute of `now`. */
export function verifyPeerRequest(request: PeerRequest & { readonly headers: IncomingHttpHeaders }, secret: string, now: number = Date.now()): boolean {
  const timestamp = request.headers[TIMESTAMP];
  const given = request.headers[SIGNATURE];
  if (typeof timestamp !== 'string' || typeof given !== 'string' || !/^\d{1,15}$/.test(timestamp)) {
    return false;
  }
  if (Math.abs(Number(timestamp) - now) > LONGEST_SKEW_MS) {
    return false;
  }
  const wanted = Buffer.from(signature(request, secret, timestamp));
  const actual = Buffer.from(given);
  return actual.length === wanted.length && timingSafeEqual(actual, wanted);
}

// The first line keeps signatures that the same secret makes for other ends from being of any use here.
function signature({ method, path }: PeerRequest, secret: string, timestamp: string): string {
  return createHmac('sha256', secret).update(`internal-request-v1\n${method}\n${path}\n${timestamp}`).digest('hex');
}
