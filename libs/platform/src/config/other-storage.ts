import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import { type Product, PRODUCTS, type Registry, registryProfile } from '@oci-package-proxy/oci';

import type { Logger } from '../logging/logger.ts';
import type { PlatformConfig } from './platform-config.ts';
import { registryFromConfig } from './registry-from-config.ts';

const LAYOUT = 'layout:';

/** A store besides the configured one. */
export interface OtherStorage {
  /** `layout:<directory>`, or `https://host/prefix` (or `http://`). */
  readonly url: string;
  /** Which registry it is, where that was said; default for the registry of STORAGE_URL: what CONFIG_FILE says, for others: not said. */
  readonly product?: Product | undefined;
}

/**
 * Opens it. Our credentials and our certificate are shown to no other registry than that of STORAGE_URL:
 * for others the docker config says who we are. What the registry of STORAGE_URL does and does not do counts for that registry alone, whatever
 * the prefix. No request is made.
 * @throws ProxyError `invalid` when the URL is unfit; its text never shows the URL.
 */
export function otherStorage(config: Pick<PlatformConfig, 'storage' | 'file'>, { url, product }: OtherStorage, logger: Logger): Registry {
  if (url === LAYOUT || !(url.startsWith(LAYOUT) || URL.canParse(url))) {
    throw new ProxyError('invalid', 'A storage URL must be layout:<directory>, or https://host/prefix (or http://).');
  }
  if (product !== undefined && url.startsWith(LAYOUT)) {
    throw new ProxyError('invalid', 'A directory is no product: only a registry is.');
  }
  const own = originOf(url) === originOf(config.storage.url);
  const access = own ? {} : { username: null, password: null, passwordFile: null, credentials: null, clientCertificate: null, profile: registryProfile() };
  const said = product === undefined ? {} : { profile: registryProfile({ product }) };
  try {
    return registryFromConfig({ ...config, storage: { ...config.storage, ...access, ...said, url } }, logger);
  } catch (error) {
    throw isProxyError(error, 'config') ? new ProxyError('invalid', error.message, { cause: error }) : error;
  }
}

/** @throws ProxyError `invalid` when `name` is no product; `option` is what it was given by. */
export function productNamed(name: string | undefined, option: string): Product | undefined {
  const product = PRODUCTS.find((known) => known === name);
  if (name !== undefined && product === undefined) {
    throw new ProxyError('invalid', `--${option} must be one of ${PRODUCTS.join(', ')}.`);
  }
  return product;
}

function originOf(url: string): string {
  return url.startsWith(LAYOUT) ? url : (URL.parse(url)?.origin ?? url);
}
