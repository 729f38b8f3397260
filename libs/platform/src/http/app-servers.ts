import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';

// Longer than the idle time of common load balancers, so that they close first.
const KEEP_ALIVE_MS = 72_000;
const HEADERS_MS = 60_000;
// Without a byte in either direction; a publish that storage takes long to commit must live through it.
const SILENT_MS = 600_000;
const IDLE_CHECK_MS = 100;
// A connection without any request yet may have one on its way when the shutdown begins.
const FRESH_MS = 500;
const HANDSHAKE_MS = 20_000;

/** Certificate and key of the HTTPS listener, PEM. */
export interface TlsPair {
  readonly cert: string;
  readonly key: string;
}

/**
 * The node servers of one app, plain and TLS, and how they end: running answers may finish until the deadline, idle
 * keep-alive connections go at once. (Fastify closes those once, and whatever becomes idle later would hold the exit for 72 s.)
 */
export class AppServers {
  readonly #servers = new Set<Server | TlsServer>();
  readonly #tls = new Set<TlsServer>();
  /** Connections without any request so far: node does not count them as idle. */
  readonly #fresh = new Set<Socket>();
  readonly #wrap: (handler: RequestListener) => RequestListener;
  readonly #deadlineMs: number;
  #tlsClosed: Promise<unknown> = Promise.resolve();

  constructor(wrap: (handler: RequestListener) => RequestListener, deadlineMs: number) {
    this.#wrap = wrap;
    this.#deadlineMs = deadlineMs;
  }

  /** A server for `handler`, which Fastify makes listen and closes. */
  plain(handler: RequestListener): Server {
    const server = this.#own(createServer(this.#used(handler)));
    server.on('connection', (socket) => this.#watch(socket));
    return server;
  }

  /** A TLS server for `handler`, closed by {@link drain}. */
  tls(handler: RequestListener, pair: TlsPair): TlsServer {
    const options = { cert: pair.cert, key: pair.key, minVersion: 'TLSv1.2', handshakeTimeout: HANDSHAKE_MS } as const;
    const server = this.#own(createTlsServer(options, this.#used(handler)));
    server.on('secureConnection', (socket) => this.#watch(socket));
    this.#tls.add(server);
    return server;
  }

  /** Stops taking connections and lets idle ones go from now on; after the deadline, the rest too. */
  drain(): void {
    // Before any is told to close: from then on it counts as not listening, however many connections it still has.
    const allClosed = Promise.all([...this.#servers].map(closed));
    this.#tlsClosed = Promise.all([...this.#tls].map(closed));
    for (const server of this.#tls) {
      server.close();
    }
    const began = Date.now();
    const idle = setInterval(() => {
      this.#each((server) => server.closeIdleConnections());
      if (Date.now() - began >= FRESH_MS) {
        this.#dropFresh();
      }
    }, IDLE_CHECK_MS);
    const deadline = setTimeout(() => this.#each((server) => server.closeAllConnections()), this.#deadlineMs);
    void allClosed.then(() => {
      clearInterval(idle);
      clearTimeout(deadline);
    });
  }

  /** Resolves when the TLS servers have no connection left, once they drain. */
  async tlsClosed(): Promise<void> {
    await this.#tlsClosed;
  }

  #used(handler: RequestListener): RequestListener {
    const wrapped = this.#wrap(handler);
    return (request, response) => {
      this.#fresh.delete(request.socket);
      wrapped(request, response);
    };
  }

  #watch(socket: Socket): void {
    this.#fresh.add(socket);
    socket.once('close', () => this.#fresh.delete(socket));
  }

  #dropFresh(): void {
    for (const socket of this.#fresh) {
      socket.destroy();
    }
  }

  #each(act: (server: Server | TlsServer) => void): void {
    for (const server of this.#servers) {
      act(server);
    }
  }

  #own<S extends Server | TlsServer>(server: S): S {
    server.keepAliveTimeout = KEEP_ALIVE_MS;
    server.headersTimeout = HEADERS_MS;
    // A large publish over a slow line takes as long as it takes, while bytes flow.
    server.requestTimeout = 0;
    server.timeout = SILENT_MS;
    this.#servers.add(server);
    return server;
  }
}

async function closed(server: Server | TlsServer): Promise<void> {
  if (server.listening) {
    await new Promise((resolve) => server.once('close', resolve));
  }
}
