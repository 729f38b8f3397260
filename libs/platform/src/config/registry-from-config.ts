import { cloudCredentials, type CredentialSource, dockerConfigCredentials, LayoutRegistry, parseStorageUrl, type Registry, RemoteRegistry, staticCredentials } from '@oci-package-proxy/oci';

import type { Logger } from '../logging/logger.ts';
import type { PlatformConfig, StorageConfig } from './platform-config.ts';

const LAYOUT = 'layout:';

/** The store that `STORAGE_URL` names. No request is made. @throws ProxyError `config` when the URL is unfit. */
export function registryFromConfig(config: Pick<PlatformConfig, 'storage' | 'file'>, logger: Logger): Registry {
  const { storage, file } = config;
  if (storage.url.startsWith(LAYOUT)) {
    return new LayoutRegistry({ directory: storage.url.slice(LAYOUT.length) });
  }
  return new RemoteRegistry({
    url: storage.url,
    credentials: credentialsOf(storage),
    maxConnections: file.limits.storageConnections,
    ca: storage.ca ?? undefined,
    profile: storage.profile,
    clientCertificate: storage.clientCertificate ?? undefined,
    onWarning: (text) => logger.warn({ text }, 'the storage registry sent a warning'),
  });
}

function credentialsOf(storage: StorageConfig): CredentialSource {
  const { username, password, credentials } = storage;
  if (credentials !== null) {
    return cloudCredentials(credentials, { registry: parseStorageUrl(storage.url).registry, registryCa: storage.ca ?? undefined });
  }
  return username === null || password === null ? dockerConfigCredentials({ configFile: storage.dockerConfigFile ?? undefined }) : staticCredentials(username, password);
}
