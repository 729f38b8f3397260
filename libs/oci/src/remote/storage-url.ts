import { ProxyError } from '@oci-package-proxy/errors';

import { isRepositoryName } from '../model/grammar.ts';

/** A storage URL in its parts. */
export interface StorageUrl {
  /** Scheme, host and port; path `/`. */
  readonly registry: URL;
  /** What stands before every repository name, without slashes at its ends; may be empty. */
  readonly prefix: string;
}

/**
 * Parses `https://host[:port][/prefix]` (or `http://…`: the scheme alone decides about TLS).
 * @throws ProxyError `config`; its text never shows the URL, which may hold a secret by mistake.
 */
export function parseStorageUrl(text: string): StorageUrl {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new ProxyError('config', 'storage URL: must be https://host/prefix or http://host/prefix');
  }
  if (url.username !== '' || url.password !== '') {
    throw new ProxyError('config', 'storage URL: must not hold a user or password; set the storage username and password instead');
  }
  if (url.search !== '' || url.hash !== '') {
    throw new ProxyError('config', 'storage URL: must not have a query or fragment');
  }
  const prefix = url.pathname.replaceAll(/^\/+|\/+$/g, '');
  if (prefix !== '' && !isRepositoryName(prefix)) {
    throw new ProxyError('config', 'storage URL: its path is no repository name; OCI allows lower-case letters, digits and single . _ - between them');
  }
  return { registry: new URL(url.origin), prefix };
}
