import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import { type Registry, registryProfile } from '@oci-package-proxy/oci';

import type { Logger } from '../logging/logger.ts';
import type { PlatformConfig } from './platform-config.ts';
import { registryFromConfig } from './registry-from-config.ts';

const LAYOUT = 'layout:';

/**
 * A store besides the configured one. Our credentials and our certificate are shown to no other registry than that of STORAGE_URL:
 * for others the docker config says who we are. No request is made.
 * @throws ProxyError `invalid` when the URL is unfit; its text never shows the URL.
 */
export function otherStorage(config: Pick<PlatformConfig, 'storage' | 'file'>, url: string, logger: Logger): Registry {
  if (url === LAYOUT || !(url.startsWith(LAYOUT) || URL.canParse(url))) {
    throw new ProxyError('invalid', 'A storage URL must be layout:<directory>, or https://host/prefix (or http://).');
  }
  const own = originOf(url) === originOf(config.storage.url);
  const access = own ? {} : { username: null, password: null, credentials: null, clientCertificate: null, profile: registryProfile() };
  try {
    return registryFromConfig({ ...config, storage: { ...config.storage, ...access, url } }, logger);
  } catch (error) {
    throw isProxyError(error, 'config') ? new ProxyError('invalid', error.message, { cause: error }) : error;
  }
}

function originOf(url: string): string {
  return url.startsWith(LAYOUT) ? url : (URL.parse(url)?.origin ?? url);
}
