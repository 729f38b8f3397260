import type { PassThrough, PassThroughPlace } from '@oci-package-proxy/access';
import { isProxyError } from '@oci-package-proxy/errors';
import type { PackageLocator } from '@oci-package-proxy/housekeeping';
import { parseStorageUrl, type Registry, RemoteRegistryRights } from '@oci-package-proxy/oci';

import type { PlatformConfig } from '../config/platform-config.ts';

/** The rights of the storage registry's accounts, as a process asks for them. */
export interface RegistryPassThrough extends PassThrough {
  /** Says where packages lie. Before it is called, nobody may anything. */
  locate(locator: PackageLocator): void;
  close(): Promise<void>;
}

/**
 * Asks the registry of `STORAGE_URL` for the rights of whoever signs in with a credential of its own; null where that is switched off. No
 * request is made yet.
 * @param registry the store as this process reads it, with its own credential.
 */
export function registryPassThrough(config: Pick<PlatformConfig, 'storage' | 'file' | 'registryPassThrough' | 'admin'>, registry: Registry): RegistryPassThrough | null {
  const { storage, file } = config;
  if (!config.registryPassThrough || config.admin) {
    return null;
  }
  const rights = new RemoteRegistryRights({
    url: storage.url,
    maxConnections: file.limits.storageConnections,
    ca: storage.ca ?? undefined,
    clientCertificate: storage.clientCertificate ?? undefined,
    deletesNothing: storage.profile.deletes === 'none',
  });
  const { prefix } = parseStorageUrl(storage.url);
  let packages: PackageLocator | null = null;
  return {
    rights,
    prefix: prefix === '' ? null : prefix,
    placesOf: (ecosystem, name) => repositoriesOf(packages, ecosystem, name).map((repository) => placeIn(registry, repository)),
    locate: (locator) => {
      packages = locator;
    },
    close: () => rights.close(),
  };
}

function repositoriesOf(packages: PackageLocator | null, ecosystem: string, name: string): readonly string[] {
  try {
    return packages?.refsOf(ecosystem, name).map(({ repository }) => repository) ?? [];
  } catch (error) {
    // Nothing can be called so, and so nobody has a right to it.
    if (!isProxyError(error, 'invalid')) {
      throw error;
    }
    return [];
  }
}

function placeIn(registry: Registry, name: string): PassThroughPlace {
  const repository = registry.repository(name);
  return {
    repository: repository.name,
    holds: async () => {
      for await (const tags of repository.listTags()) {
        if (tags.length > 0) {
          return true;
        }
      }
      return false;
    },
  };
}
