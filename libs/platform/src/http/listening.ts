import type { AddressInfo } from 'node:net';
import type { Server as TlsServer } from 'node:https';

import type { NestFastifyApplication } from '@nestjs/platform-fastify';

import { ProxyError } from '@oci-package-proxy/errors';

import type { TlsPair } from './app-servers.ts';
import { appServers } from './http-app.ts';

/** Where {@link listenHttp} listens. */
export interface ListenOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** HTTPS as well. Its certificate can be replaced while it runs: see {@link HttpListeners}. */
  readonly tls?: { readonly port: number; readonly pair: TlsPair };
}

/** The listeners of an app; `app.close()` ends them. */
export interface HttpListeners {
  /** `http://host:port`, with the real port. */
  readonly url: string;
  /** `https://host:port`. */
  readonly tlsUrl: string | null;
  readonly port: number;
  readonly tlsPort: number | null;
  /** New connections get the new certificate. */
  replaceCertificate(pair: TlsPair): void;
}

/** Makes an app of `createHttpApp` listen. @throws ProxyError `config` when a port is taken or may not be used. */
export async function listenHttp(app: NestFastifyApplication, options: ListenOptions): Promise<HttpListeners> {
  const { host } = options;
  await listening(`${host}:${options.port}`, async () => app.listen(options.port, host));
  const port = portOf(app.getHttpServer());
  const tls = options.tls === undefined ? null : await listenTls(app, host, options.tls);
  const tlsPort = tls === null ? null : portOf(tls);
  return {
    port,
    tlsPort,
    url: `http://${urlHost(host)}:${port}`,
    tlsUrl: tlsPort === null ? null : `https://${urlHost(host)}:${tlsPort}`,
    replaceCertificate: (pair) => tls?.setSecureContext({ cert: pair.cert, key: pair.key, minVersion: 'TLSv1.2' }),
  };
}

async function listenTls(app: NestFastifyApplication, host: string, tls: { readonly port: number; readonly pair: TlsPair }): Promise<TlsServer> {
  const server = appServers(app).tls(app.getHttpAdapter().getInstance().routing, tls.pair);
  await listening(`${host}:${tls.port}`, async () => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once('error', reject);
    server.listen(tls.port, host, resolve);
    await promise;
    server.off('error', reject);
  });
  return server;
}

async function listening(where: string, listen: () => Promise<unknown>): Promise<void> {
  try {
    await listen();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
    throw new ProxyError('config', `Listening on ${where} failed: ${code}. Choose another port, or stop who has it.`, { cause: error });
  }
}

function portOf(server: { address(): AddressInfo | string | null }): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** `host` as it stands in a URL that a client on this machine can use. */
function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') {
    return 'localhost';
  }
  return host.includes(':') ? `[${host}]` : host;
}
