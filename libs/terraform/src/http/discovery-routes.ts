import type { PlatformConfig } from '@oci-package-proxy/platform';

import { discoveryDocument } from '../documents/discovery-document.ts';
import type { JsonDocuments } from './json-documents.ts';
import { READ } from './read-context.ts';
import type { Route } from './exchange.ts';

/** Where clients look for it: RFC 8615. */
export const DISCOVERY_PATH = '.well-known/terraform.json';

/** What {@link discoveryRoutes} answers from. */
export interface DiscoveryOptions {
  readonly config: Pick<PlatformConfig, 'publicUrl'>;
  readonly documents: JsonDocuments;
  /** Path prefix of all that is read: `''`, or like `/terraform`. */
  readonly prefix: string;
  /** Whether `terraform login` is offered. */
  readonly login: boolean;
}

/**
 * The services of this host. Clients ask before they know whether they need a credential, and ask nobody else afterwards: everybody may
 * read it, whatever they show. Its paths are absolute, since the host that is asked may be any name of ours, and begin with the path of
 * PUBLIC_URL, which a gateway takes away.
 */
export function discoveryRoutes({ config, documents, prefix, login }: DiscoveryOptions): Route[] {
  const outer = config.publicUrl === null ? '' : new URL(config.publicUrl).pathname.replace(/\/+$/, '');
  const base = `${outer}${prefix}`;
  const document = discoveryDocument({
    providers: `${base}/providers/v1/`,
    modules: `${base}/modules/v1/`,
    login: login ? { authorize: `${base}/login/authorize`, token: `${base}/login/token` } : null,
  });
  return [{ methods: READ, pattern: DISCOVERY_PATH, anybody: true, handler: async (exchange) => documents.send(exchange, document, { 'cache-control': 'no-cache' }) }];
}
