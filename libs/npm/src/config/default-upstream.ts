import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { ProxyError } from '@oci-package-proxy/errors';

const TIMEOUT_MS = 20_000;

/**
 * The registry that this machine's own npm uses, without a slash at its end.
 * @throws ProxyError `config` when npm cannot say.
 */
export async function defaultNpmUpstream(): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('npm', ['config', 'get', 'registry'], { timeout: TIMEOUT_MS, encoding: 'utf8', shell: process.platform === 'win32' });
    const url = URL.parse(stdout.trim());
    if (url !== null && /^https?:$/.test(url.protocol)) {
      return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
    }
  } catch (cause) {
    throw unknown(cause);
  }
  throw unknown(undefined);
}

function unknown(cause: unknown): ProxyError {
  return new ProxyError('config', 'NPM_UPSTREAM_URL: npm on this machine does not say which registry it uses. Set the URL of a registry, or off.', { cause });
}
