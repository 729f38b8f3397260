import { cloudCredentials, type CredentialSource, dockerConfigCredentials, LayoutRegistry, parseStorageUrl, type Registry, RemoteRegistry, staticCredentials } from '@oci-package-proxy/oci';

import type { Logger } from '../logging/logger.ts';
import { passwordFileCredentials } from './password-file.ts';
import type { PlatformConfig, StorageConfig } from './platform-config.ts';

const LAYOUT = 'layout:';

/** Tries once, for a question that is asked again a second later. */
const IMPATIENT = { retry: { attempts: 1, baseMs: 0 } } as const;

/**
 * The store that `STORAGE_URL` names. No request is made.
 * @param how `impatient`: without any retry.
 * @throws ProxyError `config` when the URL is unfit.
 */
export function registryFromConfig(config: Pick<PlatformConfig, 'storage' | 'file'>, logger: Logger, how: { readonly impatient?: boolean } = {}): Registry {
  const { storage, file } = config;
  if (storage.url.startsWith(LAYOUT)) {
    return new LayoutRegistry({ directory: storage.url.slice(LAYOUT.length) });
  }
  return new RemoteRegistry({
    url: storage.url,
    ...(how.impatient === true && IMPATIENT),
    credentials: credentialsOf(storage),
    maxConnections: file.limits.storageConnections,
    ca: storage.ca ?? undefined,
    profile: storage.profile,
    clientCertificate: storage.clientCertificate ?? undefined,
    onWarning: (text) => logger.warn({ text }, 'the storage registry sent a warning'),
  });
}

function credentialsOf(storage: StorageConfig): CredentialSource {
  const { username, password, passwordFile, credentials } = storage;
  if (credentials !== null) {
    return cloudCredentials(credentials, { registry: parseStorageUrl(storage.url).registry, registryCa: storage.ca ?? undefined });
  }
  if (username === null || password === null) {
    return dockerConfigCredentials({ configFile: storage.dockerConfigFile ?? undefined });
  }
  return passwordFile === null ? staticCredentials(username, password) : passwordFileCredentials(username, passwordFile);
}
