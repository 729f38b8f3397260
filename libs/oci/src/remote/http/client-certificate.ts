import { readFile } from 'node:fs/promises';

import { ProxyError } from '@oci-package-proxy/errors';
import { buildConnector } from 'undici';

/** Files of a client certificate (with its chain) and its key, PEM. */
export interface ClientCertificate {
  readonly certFile: string;
  readonly keyFile: string;
}

/** What of a connector is the same for every connection. */
export type ConnectorOptions = buildConnector.BuildOptions;

/**
 * A connector that shows a client certificate. The files are read for every new connection, which are few: certificates that
 * live for hours are replaced while we run. A connection fails with ProxyError `config` when they cannot be read.
 */
export function certifiedConnector(certificate: ClientCertificate, options: ConnectorOptions): buildConnector.connector {
  let current: { readonly cert: string; readonly key: string; readonly connect: buildConnector.connector } | null = null;
  const latest = async (): Promise<buildConnector.connector> => {
    const [cert, key] = await Promise.all([readPem(certificate.certFile), readPem(certificate.keyFile)]);
    if (current?.cert !== cert || current.key !== key) {
      current = { cert, key, connect: buildConnector({ ...options, allowH2: false, cert, key }) };
    }
    return current.connect;
  };
  return (target, callback) => {
    latest().then(
      (connect) => connect(target, callback),
      (error: Error) => callback(error, null),
    );
  };
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new ProxyError('config', `storage client certificate: ${path} cannot be read`, { cause: error });
  }
}
