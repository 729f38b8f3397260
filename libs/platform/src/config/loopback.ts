import ipaddr from 'ipaddr.js';

/** Whether a listener on `host` can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  if (host.toLowerCase() === 'localhost') {
    return true;
  }
  return ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback';
}
