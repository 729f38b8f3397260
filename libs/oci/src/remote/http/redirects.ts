import { ProxyError } from '@oci-package-proxy/errors';

import { discard } from './body.ts';
import { headerText, type OpenAnswer, type RegistryRequest } from './exchange.ts';
import { resolveLocation } from './location.ts';

const MAX_HOPS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** What following redirects needs. */
export interface RedirectOptions {
  /** URL of the registry: the only origin that is ever sent `authorization`. */
  readonly registry: URL;
  /** Value of the Authorization header, or `null`. */
  readonly authorization: string | null;
  readonly send: (request: RegistryRequest) => Promise<OpenAnswer>;
}

/**
 * Sends `request` and follows at most 5 redirects by hand: GET and HEAD anywhere, other methods (307 and 308) within
 * the origin only. Nothing of a redirect's URL is kept: it may be presigned.
 * @throws ProxyError `storage-unavailable` on too many redirects or one that leads nowhere.
 */
export async function followRedirects(request: RegistryRequest, options: RedirectOptions): Promise<OpenAnswer> {
  let url = request.url;
  for (let hop = 0; hop <= MAX_HOPS; hop += 1) {
    const answer = await options.send({ ...request, url, headers: headersFor(request, url, options) });
    const target = redirectTarget(answer, request, options.registry);
    if (target === null) {
      return answer;
    }
    await discard(answer.body);
    url = target;
  }
  throw new ProxyError('storage-unavailable', `${request.subject}: ${options.registry.host} redirects more than ${MAX_HOPS} times`);
}

function headersFor(request: RegistryRequest, url: URL, options: RedirectOptions): Record<string, string> {
  const headers = { ...request.headers };
  if (options.authorization !== null && url.origin === options.registry.origin) {
    headers['authorization'] = options.authorization;
  }
  return headers;
}

function redirectTarget(answer: OpenAnswer, request: RegistryRequest, registry: URL): URL | null {
  const location = headerText(answer.headers, 'location');
  if (!REDIRECTS.has(answer.status) || location === null) {
    return null;
  }
  const target = resolveLocation(location, answer.url, registry);
  const reading = request.method === 'GET' || request.method === 'HEAD';
  const repeatable = answer.status === 307 || answer.status === 308;
  if (target !== null && (reading || (repeatable && target.origin === answer.url.origin))) {
    return target;
  }
  answer.body.destroy();
  throw new ProxyError('storage-unavailable', `${request.subject}: ${answer.url.host} redirects to where this request must not go`);
}
