import { isLoopback } from './loopback.ts';
import type { PlatformConfig } from './platform-config.ts';

/** What tells where a process listens. */
export type OwnAddresses = Pick<PlatformConfig, 'publicUrl' | 'host' | 'port' | 'tls'>;

/** Whether `url` is an address of this very process. */
export function isOurselves(url: string, config: OwnAddresses): boolean {
  const upstream = new URL(url);
  if (config.publicUrl !== null && new URL(config.publicUrl).origin === upstream.origin) {
    return true;
  }
  const port = Number(upstream.port || (upstream.protocol === 'https:' ? 443 : 80));
  const ports = [config.port, config.tls?.port].filter((own) => own !== 0);
  return ports.includes(port) && (isLoopback(upstream.hostname) || upstream.hostname === config.host);
}
