import { isProxyError, ProxyError } from '@oci-package-proxy/errors';

const ATTEMPTS = 3;

/**
 * Runs a write of blobs, children and the manifest that names them, and once more where the registry has acknowledged a part that it does not
 * have then: what is written cannot help it. The write must be one that can be repeated.
 * @param what is written, for people.
 * @throws ProxyError `storage-unavailable` when parts are lost every time; else as `write` does.
 */
export async function withLostParts<T>(what: string, write: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await write();
    } catch (error) {
      if (!isProxyError(error, 'unprocessable')) {
        throw error;
      }
      if (attempt === ATTEMPTS) {
        throw new ProxyError('storage-unavailable', `The registry acknowledged every part of ${what} ${ATTEMPTS} times and does not have all of them. Try again; if it stays, look at the registry's log.`, { cause: error });
      }
    }
  }
}
