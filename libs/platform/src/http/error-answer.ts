import { HttpException } from '@nestjs/common';

import { type ErrorCode, ProxyError } from '@oci-package-proxy/errors';

import { STATUS_OF } from './error-status.ts';

/** What a failed request is answered with, before an ecosystem writes the body. */
export interface ErrorAnswer {
  readonly status: number;
  readonly code: ErrorCode;
  /** Fit for the client. */
  readonly message: string;
  readonly retryAfterMs: number | undefined;
}

/** When to come back, in ms, where the error does not say: an outage may be over at once, what an operator has to end is not. */
const RETRY_AFTER_MS: Partial<Readonly<Record<ErrorCode, number>>> = {
  'storage-unavailable': 5_000,
  'storage-denied': 60_000,
  'storage-read-only': 60_000,
};

const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not-found',
  409: 'conflict',
  413: 'too-large',
  415: 'unsupported-media-type',
  416: 'range-not-satisfiable',
  429: 'rate-limited',
};

// Fastify's own texts speak of its insides; these say what the client can do.
const FRAMEWORK_TEXT: Readonly<Record<string, string>> = {
  FST_ERR_BAD_URL: 'The URL has a percent sign that starts no valid escape.',
  FST_ERR_MAX_PARAM_LENGTH: 'A part of the URL is too long.',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'The Content-Type header is malformed.',
};

/** The HTTP status for `error`: by the table for ours, its own for Nest's and Fastify's, 500 for the rest. */
export function statusOf(error: unknown): number {
  return errorAnswer(error, { method: '', path: '', requestId: '' }).status;
}

/** The answer to a request that ended in `error`. Unknown errors and defects are hidden behind the request's id. */
export function errorAnswer(error: unknown, request: { readonly method: string; readonly path: string; readonly requestId: string }): ErrorAnswer {
  if (error instanceof ProxyError) {
    const message = hidden(error.code) ? internalText(request.requestId) : error.message;
    return { status: STATUS_OF[error.code], code: error.code, message, retryAfterMs: error.retryAfterMs ?? RETRY_AFTER_MS[error.code] };
  }
  const status = foreignStatus(error);
  if (status === null || status >= 500) {
    return { status: 500, code: 'internal', message: internalText(request.requestId), retryAfterMs: undefined };
  }
  return { status, code: CODE_OF_STATUS[status] ?? 'invalid', message: foreignText(error, status, request), retryAfterMs: undefined };
}

/** Whether nobody foresaw `error`, so that it belongs in the log with its stack. */
export function isUnforeseen(error: unknown): boolean {
  return error instanceof ProxyError ? hidden(error.code) : (foreignStatus(error) ?? 500) >= 500;
}

function hidden(code: ErrorCode): boolean {
  return code === 'internal' || code === 'config';
}

function internalText(requestId: string): string {
  return `Internal error. The server's log has the details under request id ${requestId}.`;
}

function foreignStatus(error: unknown): number | null {
  if (error instanceof HttpException) {
    return error.getStatus();
  }
  // Only Fastify's own errors have both; an Error that merely has a statusCode is not trusted to be meant for clients.
  const code = frameworkCode(error);
  if (code === null || typeof error !== 'object' || error === null || !('statusCode' in error)) {
    return null;
  }
  return typeof error.statusCode === 'number' && error.statusCode >= 400 ? error.statusCode : null;
}

function frameworkCode(error: unknown): string | null {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return typeof code === 'string' && code.startsWith('FST_') ? code : null;
}

function foreignText(error: unknown, status: number, request: { readonly method: string; readonly path: string }): string {
  if (status === 404) {
    return `${request.method} ${request.path}: there is nothing here.`;
  }
  const framework = FRAMEWORK_TEXT[frameworkCode(error) ?? ''];
  return framework ?? (error instanceof Error ? error.message : 'The request is malformed.');
}
