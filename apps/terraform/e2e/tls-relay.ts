import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request as send, type ServerResponse } from 'node:http';
import { createServer } from 'node:https';

import type { TestAuthority } from '@oci-package-proxy/testing';

/** An answer on its way to the client. */
export interface RelayedAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** Changes an answer, or leaves it alone. @param path without its query. */
export type Tampering = (path: string, answer: RelayedAnswer) => void;

/** A request that went through the relay. */
export interface RelayedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** 0 until the answer has begun. */
  status: number;
}

/** What stands between clients and a server: it speaks TLS for it, sees every request, and may change what is answered. */
export interface TlsRelay {
  /** `https://127.0.0.1:<port>` */
  readonly url: string;
  /** `127.0.0.1:<port>` */
  readonly host: string;
  readonly requests: RelayedRequest[];
  /** From now on; null ends it. While it is set, answers are read whole. */
  tamper(change: Tampering | null): void;
  close(): Promise<void>;
}

/** How a relay differs from the usual. */
export interface TlsRelayOptions {
  /** A free one when absent. */
  readonly port?: number;
  /** What it takes away from the beginning of paths, like a gateway. */
  readonly strip?: string;
}

/** Starts a relay to `origin` (`http://…`). It keeps the Host header, so that the server knows what it is called. */
export async function startTlsRelay(origin: string, authority: TestAuthority, { port = 0, strip = '' }: TlsRelayOptions = {}): Promise<TlsRelay> {
  const target = new URL(origin);
  const requests: RelayedRequest[] = [];
  let tampering: Tampering | null = null;
  const server = createServer(await authority.certificate(), (request, response) => {
    const seen: RelayedRequest = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, status: 0 };
    requests.push(seen);
    response.on('error', () => undefined);
    // What is to be changed must be readable.
    const { 'accept-encoding': _packed, ...headers } = request.headers;
    const onward = send({ host: target.hostname, port: target.port, method: request.method, path: seen.path.startsWith(`${strip}/`) ? seen.path.slice(strip.length) : seen.path, headers });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    onward.on('response', (answer) => {
      seen.status = answer.statusCode ?? 0;
      if (tampering === null) {
        response.writeHead(seen.status, answer.statusMessage, answer.rawHeaders);
        answer.pipe(response);
      } else {
        sendChanged(tampering, { request, answer, response }).catch(() => response.destroy());
      }
    });
    request.pipe(onward);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const host = `127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`;
  return {
    url: `https://${host}`,
    host,
    requests,
    tamper: (change) => {
      tampering = change;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function sendChanged(tampering: Tampering, { request, answer, response }: { readonly request: IncomingMessage; readonly answer: IncomingMessage; readonly response: ServerResponse }): Promise<void> {
  const chunks = (await answer.toArray()) as Buffer[];
  const changed: RelayedAnswer = { status: answer.statusCode ?? 0, headers: { ...answer.headers }, body: Buffer.concat(chunks) };
  tampering((request.url ?? '').replace(/\?.*$/, ''), changed);
  const { 'transfer-encoding': _chunked, ...headers } = changed.headers;
  const length = request.method === 'HEAD' ? {} : { 'content-length': String(changed.body.length) };
  response.writeHead(changed.status, { ...headers, ...length } as Record<string, string>).end(request.method === 'HEAD' ? undefined : changed.body);
}
