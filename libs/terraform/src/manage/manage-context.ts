import { ProxyError } from '@oci-package-proxy/errors';
import type { Gate } from '@oci-package-proxy/platform';

import type { TerraformHosts } from '../config/hosts.ts';
import { hostIn } from '../http/path-address.ts';
import { queryOf } from '../http/request-path.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Management } from './management.ts';

/** What the routes of the management API answer from. */
export interface ManageContext {
  readonly gate: Pick<Gate, 'authorize'>;
  readonly management: Management;
  readonly hosts: TerraformHosts;
  /** False: publishing is switched off, and storage may be readable only. */
  readonly writable: boolean;
  /** Told how every change ended, for metrics. Must not throw. */
  readonly onWrite?: (result: 'done' | 'refused' | 'failed') => void;
}

/** @throws ProxyError `forbidden` where nothing may be changed. */
export function checkWritable({ writable }: Pick<ManageContext, 'writable'>): void {
  if (!writable) {
    throw new ProxyError('forbidden', 'Publishing is switched off on this server, and so are all changes. Use a server where it is on.');
  }
}

/** The host that a request is about. @throws ProxyError `invalid` for what no host can be called. */
export function hostOf({ request }: Pick<Exchange, 'request'>, hosts: TerraformHosts): string {
  const given = queryOf(request.originalUrl).get('host');
  const host = hostIn(given === null ? {} : { host: given }, hosts, request.headers.host);
  if (host === null) {
    throw new ProxyError('invalid', '?host= does not name a host, such as registry.example.com.');
  }
  return host;
}

/** Aborts when the client goes away. A change that has begun is never broken off: half of a deletion would be left. */
export function leaving({ reply }: Pick<Exchange, 'reply'>): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) {
      controller.abort(new ProxyError('aborted', 'The client left.'));
    }
  });
  return controller.signal;
}
