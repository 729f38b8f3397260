import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';

/** A request as the scripted server received it. */
export interface ScriptedRequest {
  readonly method: string;
  /** Path and query, as sent. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Looks at a request before its body is read; `true` when it answered, and nobody is to read the body. */
export type EarlyHandler = (request: Omit<ScriptedRequest, 'body'>, response: ServerResponse) => boolean;

/** Answers one request; what it throws ends the connection. */
export type ScriptedHandler = (request: ScriptedRequest, response: ServerResponse) => void | Promise<void>;

/** A server on the loopback interface that does what a test tells it to. */
export interface ScriptedServer {
  readonly port: number;
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** All requests that came in whole, oldest first. */
  readonly requests: readonly ScriptedRequest[];
  /** Replaces the handler. */
  answer(handler: ScriptedHandler): void;
  /** Asks `handler` first from now on; what it answers is in no list of requests. */
  answerEarly(handler: EarlyHandler): void;
  /** Closes it and every connection. */
  stop(): Promise<void>;
}

/** Starts a {@link ScriptedServer}; without a handler it answers 404. Bodies are kept in memory: send small ones. */
export async function startScriptedServer(handler: ScriptedHandler = notFound): Promise<ScriptedServer> {
  const requests: ScriptedRequest[] = [];
  let current = handler;
  let early: EarlyHandler = () => false;
  const server = createServer((message, response) => {
    response.on('error', () => undefined);
    if (early({ method: message.method ?? '', url: message.url ?? '', headers: message.headers }, response)) {
      return;
    }
    receive(message)
      .then(async (request) => {
        requests.push(request);
        await current(request, response);
      })
      .catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    requests,
    answer: (next) => {
      current = next;
    },
    answerEarly: (next) => {
      early = next;
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function receive(message: IncomingMessage): Promise<ScriptedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) {
    chunks.push(chunk);
  }
  return { method: message.method ?? '', url: message.url ?? '', headers: message.headers, body: Buffer.concat(chunks) };
}

function notFound(_request: ScriptedRequest, response: ServerResponse): void {
  response.writeHead(404).end();
}
