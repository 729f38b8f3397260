import { ProxyError } from '@oci-package-proxy/errors';

import { keptValue } from './kept-value.ts';
import { isOurselves, type OwnAddresses } from './ourselves.ts';
import type { PlatformConfig } from './platform-config.ts';

// Nothing is not kept: the machine may know better at the next start.
const NOTHING = new ProxyError('config', 'no upstream');

/** How the upstream of an ecosystem is found. */
export interface UpstreamSetting {
  readonly config: Pick<PlatformConfig, 'standalone' | 'admin' | 'dataDir'> & OwnAddresses;
  /** Its variable, such as `ACME_UPSTREAM_URL`. */
  readonly variable: string;
  /** What the variable says: a URL, or `off`. */
  readonly given: string | undefined;
  /** For the text where it is missing: `the registry of acme packages`. */
  readonly what: string;
  /** What the standalone app takes when nothing is said, kept from then on; null: nothing can be taken on this machine now. */
  fallback(): Promise<string | null>;
}

/**
 * The URL of an upstream, null when it is off. What a standalone app has kept stays, whatever the machine says later.
 * @throws ProxyError `config` where it has to be said, and whatever `fallback` throws.
 */
export async function upstreamSetting({ config, variable, given, what, fallback }: UpstreamSetting): Promise<string | null> {
  if (given !== undefined) {
    return given === 'off' ? null : given;
  }
  if (!config.standalone && !config.admin) {
    throw new ProxyError('config', `${variable}: set the URL of ${what} that is to be pulled through, or off.`);
  }
  const name = variable.toLowerCase().replaceAll('_', '-');
  try {
    return (await keptValue(config.dataDir, name, async () => notOurselves(variable, config, present(config.admin ? null : await fallback())))).value;
  } catch (error) {
    if (error === NOTHING) {
      return null;
    }
    throw error;
  }
}

/** The machine's own clients may have been pointed at us already: what would be kept then is of no use at any start. */
function notOurselves(variable: string, config: OwnAddresses, url: string): string {
  if (isOurselves(url, config)) {
    throw new ProxyError('config', `${variable}: the clients of this machine use this proxy already, so it has to be told where to pull from. Set the URL of the index behind it, or off.`);
  }
  return url;
}

function present(url: string | null): string {
  if (url === null) {
    throw NOTHING;
  }
  return url;
}
