import type { FastifyRequest } from 'fastify';
import ipaddr from 'ipaddr.js';

import type { PlatformConfig } from '../config/platform-config.ts';

type Address = ReturnType<typeof ipaddr.process>;

/** A parsed CIDR. */
export interface AddressRange {
  /** As it was written. */
  readonly text: string;
  contains(address: string): boolean;
}

/** Parses `10.0.0.0/8`, `fd00::/8` or a single address; null when it is none. */
export function parseAddressRange(text: string): AddressRange | null {
  try {
    const [base, bits] = text.includes('/') ? ipaddr.parseCIDR(text) : single(text);
    return { text, contains: (address) => within(address, base, bits) };
  } catch {
    return null;
  }
}

/** Whether forwarded headers from the peer at `address` count. */
export function isTrustedProxy(address: string | undefined, trusted: readonly AddressRange[]): boolean {
  return address !== undefined && trusted.some((range) => range.contains(address));
}

/** The client's address: the first one that no trusted proxy stands for, read from the near end of `X-Forwarded-For`. */
export function clientAddress(request: FastifyRequest, config: Pick<PlatformConfig, 'trustedProxies'>): string {
  const hops = [...String(request.headers['x-forwarded-for'] ?? '').split(',').map((hop) => hop.trim()), request.raw.socket.remoteAddress ?? ''];
  let address = '';
  for (const hop of hops.filter((hop) => ipaddr.isValid(hop)).reverse()) {
    address = hop;
    if (!isTrustedProxy(hop, config.trustedProxies)) {
      break;
    }
  }
  return address;
}

function single(text: string): [Address, number] {
  const address = ipaddr.process(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

function within(text: string, base: Address, bits: number): boolean {
  if (!ipaddr.isValid(text)) {
    return false;
  }
  // `process` turns IPv4 in IPv6 clothes (::ffff:10.0.0.1), as a dual-stack socket shows it, into IPv4.
  const address = ipaddr.process(text);
  return address.kind() === base.kind() && address.match(base, bits);
}
