import { KNOWN_PRODUCTS, RemoteRegistry } from '@oci-package-proxy/oci';

import type { Logger } from '../logging/logger.ts';
import type { PlatformConfig } from './platform-config.ts';
import { registryFromConfig } from './registry-from-config.ts';

/** A look at which registry answers. */
export interface ProductLook {
  /** Ends when it is over; nobody has to wait for it. Never rejects. */
  readonly done: Promise<void>;
  /** Ends it. */
  close(): Promise<void>;
}

/**
 * Looks, beside everything else, whether the registry of `STORAGE_URL` is the product that CONFIG_FILE names, and warns once where it
 * recognisably is another one. What CONFIG_FILE says counts all the same. A registry that does not answer now says nothing.
 */
export function lookAtProduct(config: Pick<PlatformConfig, 'storage' | 'file'>, logger: Logger): ProductLook {
  const { product } = config.storage.profile;
  const registry = product === null ? null : registryFromConfig(config, logger, { impatient: true });
  if (product === null || !(registry instanceof RemoteRegistry)) {
    return { done: Promise.resolve(), close: () => Promise.resolve() };
  }
  const look = async (): Promise<void> => {
    const recognised = await registry.recognise().catch(() => null);
    await registry.close();
    if (recognised !== null && recognised !== product) {
      logger.warn(
        { configured: product, recognised },
        `storage.product of CONFIG_FILE says ${KNOWN_PRODUCTS[product].title}, but the registry of STORAGE_URL looks like ${KNOWN_PRODUCTS[recognised].title}; packages may be put and looked for in the wrong way`,
      );
    }
  };
  const done = look();
  return {
    done,
    close: async () => {
      await registry.close();
      await done;
    },
  };
}
