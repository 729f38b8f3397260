import { BlockList, isIP } from 'node:net';

const PRIVATE = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  PRIVATE.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
] as const) {
  PRIVATE.addSubnet(network, prefix, 'ipv6');
}

/**
 * The URL of a token service, or `null` when a challenge must not make us go there: it is neither https nor on the
 * host of a registry that itself is plain http, or it is a private address of another host.
 */
export function tokenRealm(realm: string | undefined, registry: URL): URL | null {
  const url = URL.parse(realm ?? '');
  if (url === null || url.username !== '' || url.password !== '') {
    return null;
  }
  url.hash = '';
  if (url.hostname === registry.hostname) {
    return url.protocol === 'https:' || url.protocol === registry.protocol ? url : null;
  }
  return url.protocol === 'https:' && !isPrivateAddress(url.hostname) ? url : null;
}

function isPrivateAddress(hostname: string): boolean {
  const address = hostname.replace(/^\[(.*)\]$/, '$1');
  const family = isIP(address);
  // A BlockList looks at IPv4 addresses that are mapped into IPv6 by their IPv4 rules.
  return family !== 0 && PRIVATE.check(address, family === 4 ? 'ipv4' : 'ipv6');
}
