import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';

import type { Access } from '../auth/scope.ts';

/** What a request may do there, and how much of the host's concurrency it takes. */
export type Lane = 'request' | 'upload' | 'token';

/** One request to the registry, complete enough to be sent again. */
export interface RegistryRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes, or a factory that yields them from their start for every attempt. */
  readonly body?: Buffer | (() => Readable);
  /** Operation and subject for error texts, such as `reading tag 1.0.0 of pkg/a`. */
  readonly subject: string;
  /** What a token must allow; `null` for the base endpoint. */
  readonly access: Access | null;
  /** `upload`: long wait for the answer, and at most half of the host's concurrency. Default `request`. */
  readonly lane?: Lane;
  readonly signal?: AbortSignal;
}

/** An answer whose body is still on its way; whoever holds it must read or destroy the body. */
export interface OpenAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
  /** Where the answer came from, after redirects. May be presigned: never log it. */
  readonly url: URL;
  /** Whether another origin than the registry's answered. */
  readonly foreign: boolean;
}

/** An answer whose body was read, within a limit. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly url: URL;
  readonly foreign: boolean;
}

/** The first value of a header, or `null`. */
export function headerText(headers: IncomingHttpHeaders, name: string): string | null {
  const value = headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? null;
}

/** `Content-Length` in bytes, or `null` when it is missing or malformed. */
export function contentLength(headers: IncomingHttpHeaders): number | null {
  const text = headerText(headers, 'content-length');
  if (text === null || !/^\d{1,15}$/.test(text)) {
    return null;
  }
  return Number(text);
}
