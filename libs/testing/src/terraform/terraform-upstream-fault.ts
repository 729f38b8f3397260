import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * How something fails: never answers, ends the connection, answers with a page that says 200, flips a bit in the middle of the bytes,
 * ends them before their length, sends 64 KiB a second, or answers with a status of one's own.
 */
export type FaultKind = 'hang' | 'drop' | 'html' | 'wrong-bytes' | 'truncated' | 'slow' | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string };

/** A fault that one request has met. */
export interface Fault {
  readonly how: FaultKind;
  /** Whether the true answer is sent, with other bytes. */
  readonly touchesBytes: boolean;
  /** Answers in place of the true answer. */
  answer(request: IncomingMessage, response: ServerResponse): void;
}

interface Waiting {
  readonly path: RegExp;
  readonly how: FaultKind;
  times: number;
}

/** The faults that wait for a request. */
export class FaultList {
  readonly #waiting: Waiting[] = [];

  /** @returns what takes it away. */
  add(fault: Waiting): () => void {
    this.#waiting.push(fault);
    return () => {
      fault.times = 0;
    };
  }

  /** The first fault that fits a path; null: none. */
  take(path: string): Fault | null {
    const found = this.#waiting.find((fault) => fault.times > 0 && fault.path.test(path));
    if (found === undefined) {
      return null;
    }
    found.times -= 1;
    const { how } = found;
    return { how, touchesBytes: how === 'wrong-bytes' || how === 'truncated' || how === 'slow', answer: (request, response) => answer(how, request, response) };
  }
}

function answer(how: FaultKind, request: IncomingMessage, response: ServerResponse): void {
  if (how === 'drop') {
    request.socket.destroy();
  } else if (how === 'html') {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<!DOCTYPE html><title>Sign in</title>');
  } else if (typeof how === 'object') {
    response.writeHead(how.status, how.headers).end(how.body ?? '');
  }
}
