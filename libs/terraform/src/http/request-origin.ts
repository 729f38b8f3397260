import type { FastifyRequest } from 'fastify';

import { ProxyError } from '@oci-package-proxy/errors';

/**
 * Sees that a change was not sent by a page of another site in a browser that is signed in here: that can send forms, texts and bytes, but
 * says where it comes from.
 * @throws ProxyError `forbidden`.
 */
export function checkOrigin({ headers }: Pick<FastifyRequest, 'headers'>): void {
  const { origin } = headers;
  if (origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== headers.host)) {
    throw new ProxyError('forbidden', 'A page of another site may change nothing here. Send the request without an Origin header.');
  }
}
