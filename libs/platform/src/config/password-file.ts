import { readFile } from 'node:fs/promises';

import { ProxyError } from '@oci-package-proxy/errors';
import type { CredentialSource } from '@oci-package-proxy/oci';

/**
 * The user whose password stands in a file (a line break at its end does not count). It is read anew after the registry refused the last one,
 * so that a rotated password needs no restart.
 * `credentialFor` throws ProxyError `storage-denied` when the file cannot be read.
 */
export function passwordFileCredentials(username: string, file: string): CredentialSource {
  return {
    credentialFor: async () => {
      const text = await readFile(file, 'utf8').catch((error: unknown) => {
        throw new ProxyError('storage-denied', 'the storage credential: the file that STORAGE_PASSWORD_FILE names cannot be read; put it back', { cause: error });
      });
      return { username, password: text.replace(/\r?\n$/, '') };
    },
  };
}
