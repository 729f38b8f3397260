import { redactUrl } from '@oci-package-proxy/errors';

import type { PlatformConfig } from './platform-config.ts';

const SECRET_NAME = /(?:TOKEN|PASSWORD|SECRET|KEY)$/;

/**
 * The configuration in effect, one entry for each variable, fit to be printed: secrets only as `(set)`, URLs without
 * credentials. Of CONFIG_FILE the names of the sections.
 */
export function configSummary(config: PlatformConfig): Readonly<Record<string, string>> {
  const own = Object.entries(config).filter(([name]) => /^[A-Z][A-Z0-9_]*$/.test(name));
  return {
    HOST: config.host,
    PORT: String(config.port),
    BASE_PATH: config.basePath === '' ? '/' : config.basePath,
    TLS: config.tls === null ? 'off' : `${config.tls.kind}, port ${config.tls.port}`,
    PUBLIC_URL: config.publicUrl ?? '(from the request)',
    TRUSTED_PROXIES: config.trustedProxies.map((range) => range.text).join(', ') || 'none',
    SECRET_KEY: '(set)',
    PUBLISH: config.publish ? 'on' : 'off',
    DATA_DIR: config.dataDir,
    SPOOL_MAX_BYTES: String(config.spoolMaxBytes),
    STORAGE_URL: shown(config.storage.url),
    STORAGE_USERNAME: storageUser(config.storage),
    QUEUE_URL: config.queueUrl === null ? 'in-process' : redactUrl(config.queueUrl),
    CACHE_URL: config.cacheUrl === null ? 'none' : redactUrl(config.cacheUrl),
    INGEST_ECOSYSTEMS: config.ecosystems?.join(', ') ?? 'all',
    USERS_FILE: config.usersFile ?? 'none',
    ADMIN_TOKEN: config.adminToken === null ? 'none' : '(set)',
    ANONYMOUS_READ: String(config.anonymousRead),
    REGISTRY_PASS_THROUGH: config.registryPassThrough ? 'on' : 'off',
    CONFIG_FILE: Object.keys(config.file).join(', '),
    INTERNAL: config.internal.port === null ? 'off' : `${config.internal.host}:${config.internal.port}`,
    INTERNAL_URL: config.internal.url ?? '(from INTERNAL_HOST and METRICS_PORT)',
    LOG_LEVEL: config.logLevel,
    ...Object.fromEntries(own.map(([name, value]) => [name, ownValue(name, value)])),
  };
}

function storageUser({ credentials, username }: PlatformConfig['storage']): string {
  if (credentials !== null) {
    return `(${credentials.kind})`;
  }
  return username === null ? '(docker config)' : '(set)';
}

function ownValue(name: string, value: unknown): string {
  if (value === undefined || value === null) {
    return 'none';
  }
  if (SECRET_NAME.test(name)) {
    return '(set)';
  }
  return typeof value === 'string' ? shown(value) : JSON.stringify(value);
}

function shown(text: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? redactUrl(text) : text;
}
