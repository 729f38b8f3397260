import { once } from 'node:events';
import { createServer, type IncomingMessage, request as send, type ServerResponse } from 'node:http';

/** A request that went through the relay. */
export interface RelayedRequest {
  readonly method: string;
  readonly path: string;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  readonly authorization: string | undefined;
  readonly cacheControl: string | undefined;
  readonly ifNoneMatch: string | undefined;
  /** 0 until the answer has begun. */
  status: number;
}

/** What stands between a client and the proxy, sees every request and can break one answer off. */
export interface Relay {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly requests: RelayedRequest[];
  /** Ends the connection of the next GET whose path fits, after `bytes` of its answer. */
  cutOnce(path: RegExp, bytes: number): void;
  close(): Promise<void>;
}

/** Starts a relay to `origin`. It keeps the Host header, so that links lead back through it. */
export async function startRelay(origin: string): Promise<Relay> {
  const target = new URL(origin);
  let cut: { path: RegExp; bytes: number } | null = null;
  const requests: RelayedRequest[] = [];
  const server = createServer((request, response) => {
    const { headers } = request;
    const seen: RelayedRequest = {
      method: request.method ?? '',
      path: request.url ?? '',
      range: headers.range,
      ifRange: headers['if-range'] as string | undefined,
      authorization: headers.authorization,
      cacheControl: headers['cache-control'],
      ifNoneMatch: headers['if-none-match'],
      status: 0,
    };
    requests.push(seen);
    const limit = cut !== null && seen.method === 'GET' && cut.path.test(seen.path) ? cut.bytes : Infinity;
    cut = limit === Infinity ? cut : null;
    forward(request, response, { target, limit, seen });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`,
    requests,
    cutOnce: (path, bytes) => {
      cut = { path, bytes };
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function forward(request: IncomingMessage, response: ServerResponse, { target, limit, seen }: { target: URL; limit: number; seen: RelayedRequest }): void {
  const onward = send({ host: target.hostname, port: target.port, method: request.method, path: request.url, headers: request.headers });
  onward.on('error', () => response.destroy());
  response.on('close', () => onward.destroy());
  onward.on('response', (answer) => {
    seen.status = answer.statusCode ?? 0;
    response.writeHead(seen.status, answer.statusMessage, answer.rawHeaders);
    let left = limit;
    answer.on('data', (chunk: Buffer) => {
      if (chunk.length < left) {
        left -= chunk.length;
        response.write(chunk);
        return;
      }
      // What was written must be on its way before the connection goes.
      answer.pause();
      response.write(chunk.subarray(0, left), () => setTimeout(() => response.destroy(), 20));
      left = 0;
    });
    answer.on('end', () => response.end());
    answer.on('error', () => response.destroy());
  });
  request.pipe(onward);
}
