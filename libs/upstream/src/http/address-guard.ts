import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';

import ipaddr from 'ipaddr.js';

import { ProxyError } from '@oci-package-proxy/errors';

/** Resolves a host name to all of its addresses; `dns.promises.lookup` with `all`. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

/** What the system says, hosts file included. */
export const systemResolve: Resolve = (hostname) =>
  new Promise((resolve, reject) => {
    systemLookup(hostname, { all: true }, (error, addresses) => (error === null ? resolve(addresses) : reject(error)));
  });

/**
 * Whether `address` is one of the public internet: no loopback, private, link-local (cloud metadata), unique-local,
 * carrier-grade NAT, multicast or reserved address, nor one of these wrapped in IPv6 (mapped, NAT64).
 */
export function isPublicAddress(address: string): boolean {
  const bare = address.replace(/%.*$/, '');
  if (!ipaddr.isValid(bare) || isIP(bare) === 0) {
    return false;
  }
  const parsed = ipaddr.process(bare);
  if (parsed.kind() === 'ipv6' && parsed.range() === 'rfc6052') {
    const bytes = parsed.toByteArray();
    return bytes[5] === 0 && ipaddr.fromByteArray(bytes.slice(12)).range() === 'unicast';
  }
  return parsed.range() === 'unicast';
}

/**
 * Refuses a URL whose host is itself an address that is not public. The URL parser has made decimal, octal and
 * hexadecimal spellings of IPv4 addresses into the usual one.
 * @throws ProxyError `policy`.
 */
export function checkLiteralAddress(url: URL): void {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && !isPublicAddress(host)) {
    throw refused(host);
  }
}

/**
 * A lookup for `net.connect` that hands out only public addresses and `also` these: what was checked is what is connected to, so
 * a name that resolves differently the second time gains nothing. Fails with ProxyError `policy` when none is left.
 */
export function guardedLookup(resolve: Resolve, also: () => Promise<ReadonlySet<string>>): LookupFunction {
  return (hostname, options, done) => {
    Promise.all([resolve(hostname), also()]).then(
      ([addresses, more]) => answer(hostname, addresses.filter(({ address }) => isPublicAddress(address) || more.has(address)), { options, done }),
      (error: unknown) => done(error as NodeJS.ErrnoException, ''),
    );
  };
}

/** @throws ProxyError `policy` when `hostname` resolves here and to no public address. */
export async function checkResolvedAddress(hostname: string, resolve: Resolve): Promise<void> {
  const addresses = await resolve(hostname).catch(() => []);
  if (addresses.length > 0 && !addresses.some(({ address }) => isPublicAddress(address))) {
    throw refused(hostname);
  }
}

interface Lookup {
  readonly options: Parameters<LookupFunction>[1];
  readonly done: Parameters<LookupFunction>[2];
}

function answer(hostname: string, addresses: readonly LookupAddress[], { options, done }: Lookup): void {
  const wanted = options.family === 4 || options.family === 6 ? options.family : null;
  const allowed = addresses.filter(({ family }) => wanted === null || family === wanted);
  const [first] = allowed;
  if (first === undefined) {
    done(refused(hostname) as unknown as NodeJS.ErrnoException, '');
    return;
  }
  if (options.all === true) {
    done(null, [...allowed]);
    return;
  }
  done(null, first.address, first.family);
}

function refused(host: string): ProxyError {
  return new ProxyError('policy', `${host} is not an address of the public internet; only a configured upstream may be one: add it to the upstreams if it is meant`);
}
