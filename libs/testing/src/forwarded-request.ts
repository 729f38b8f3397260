import { type Agent, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http';

/** Hands a request on to `target`, and its answer back, as streams; what breaks off on one side breaks off on the other. */
export function forwardRequest(
  message: IncomingMessage,
  response: ServerResponse,
  onward: { readonly target: string; readonly headers?: IncomingMessage['headers']; readonly agent?: Agent },
): void {
  const request = httpRequest(new URL(message.url ?? '/', onward.target), { method: message.method, headers: onward.headers ?? message.headers, agent: onward.agent }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    // Behind its status: distribution 2.8 breaks off answers to ranges that are not there.
    response.flushHeaders();
    answer.once('error', () => response.destroy());
    answer.pipe(response);
  });
  request.on('error', () => response.destroy());
  response.once('close', () => {
    if (!response.writableFinished) {
      request.destroy();
    }
  });
  message.pipe(request);
}

/** The headers of a request without its credential. */
export function withoutCredential({ headers: { authorization: _dropped, ...headers } }: IncomingMessage): IncomingMessage['headers'] {
  return headers;
}
