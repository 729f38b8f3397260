import { readFile } from 'node:fs/promises';

import { ProxyError } from '@oci-package-proxy/errors';

import type { PlatformConfig } from '../config/platform-config.ts';
import type { TlsPair } from '../http/app-servers.ts';
import { selfMadeTls } from './self-made-tls.ts';

/**
 * Certificate and key of the HTTPS listener; null where there is none.
 * @throws ProxyError `config` when the operator's files cannot be read, or ours cannot be written.
 */
export async function tlsPair(config: Pick<PlatformConfig, 'tls' | 'host' | 'publicUrl'>): Promise<TlsPair | null> {
  const { tls } = config;
  if (tls === null) {
    return null;
  }
  if (tls.kind === 'self-made') {
    return selfMadeTls(tls.directory, hostsOf(config)).catch((error: unknown) => {
      throw new ProxyError('config', `DATA_DIR: the certificate in ${tls.directory} cannot be made; make the directory writable`, { cause: error });
    });
  }
  return { cert: await readPem('TLS_CERT_FILE', tls.certFile), key: await readPem('TLS_KEY_FILE', tls.keyFile) };
}

async function readPem(variable: string, path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new ProxyError('config', `${variable}: the file cannot be read`, { cause: error });
  });
  if (!text.includes('-----BEGIN ')) {
    throw new ProxyError('config', `${variable}: the file is not PEM`);
  }
  return text;
}

function hostsOf({ host, publicUrl }: Pick<PlatformConfig, 'host' | 'publicUrl'>): string[] {
  const named = [host, publicUrl === null ? '' : new URL(publicUrl).hostname.replace(/^\[|\]$/g, '')];
  const fit = named.filter((name) => name !== '' && name !== '0.0.0.0' && name !== '::');
  return [...new Set(['localhost', '127.0.0.1', '::1', ...fit])];
}
