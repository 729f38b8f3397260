import type { FastifyRequest } from 'fastify';

import { ProxyError } from '@oci-package-proxy/errors';

import type { PlatformConfig } from '../config/platform-config.ts';
import { isTrustedProxy } from './trusted-proxies.ts';

const HOST = /^(?:[a-z0-9](?:[a-z0-9_.-]{0,251}[a-z0-9])?\.?|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?$/i;

type BaseConfig = Pick<PlatformConfig, 'publicUrl' | 'trustedProxies'>;

/**
 * Base of the URLs handed to this client, without a slash at its end: `PUBLIC_URL` followed by `mount`. Without it, scheme
 * and host of the request; forwarded headers count only when a trusted proxy sent them.
 * @param mount path prefix of the ecosystem: `''`, or like `/npm`.
 * @throws ProxyError `invalid` for a Host header that is none.
 */
export function publicBase(request: FastifyRequest, config: BaseConfig, mount: string): string {
  const path = mount.replace(/\/+$/, '');
  if (config.publicUrl !== null) {
    return config.publicUrl.replace(/\/+$/, '') + path;
  }
  const { scheme, host } = requestedOrigin(request, config);
  if (!HOST.test(host)) {
    throw new ProxyError('invalid', 'The Host header is not a host name with an optional port.');
  }
  return `${scheme}://${host.toLowerCase()}${path}`;
}

function requestedOrigin(request: FastifyRequest, config: BaseConfig): { scheme: string; host: string } {
  const direct = { scheme: 'encrypted' in request.raw.socket ? 'https' : 'http', host: request.headers.host ?? '' };
  if (!isTrustedProxy(request.raw.socket.remoteAddress, config.trustedProxies)) {
    return direct;
  }
  const scheme = lastOf(request.headers['x-forwarded-proto'])?.toLowerCase();
  return {
    scheme: scheme === 'https' || scheme === 'http' ? scheme : direct.scheme,
    host: lastOf(request.headers['x-forwarded-host']) ?? direct.host,
  };
}

// The proxy that we trust wrote the last item; what stands before it came from outside.
function lastOf(header: string | readonly string[] | undefined): string | undefined {
  const text = Array.isArray(header) ? header.at(-1) : header;
  const last = String(text ?? '').split(',').at(-1)?.trim();
  return last === '' ? undefined : last;
}
