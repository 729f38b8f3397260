import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';

import type { PackageFile, PypiUploadBody } from '@oci-package-proxy/testing';

import { ADMIN_TOKEN } from './pypi-standalone.ts';

/** What an upload was answered with, reason phrase included. */
export interface UploadReply {
  readonly status: number;
  readonly reason: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What is sent, and as whom. */
export interface RawUpload extends Omit<PypiUploadBody, 'contentType'> {
  /** Undefined: no such header. */
  readonly contentType: string | undefined;
  /** The operator's when absent; null: none. */
  readonly authorization?: string | null;
  readonly accept?: string;
  /** Further headers; null removes one. */
  readonly headers?: Readonly<Record<string, string | null>>;
  /** POST when absent. */
  readonly method?: string;
}

/** The Authorization header of somebody. */
export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** Sends a whole upload, and reads the answer only then, as the clients do. */
export async function send(url: string, upload: RawUpload): Promise<UploadReply> {
  const call = request(url, { method: upload.method ?? 'POST', agent: false, headers: headersOf(upload) });
  const answered = once(call, 'response');
  if (upload.headers?.['expect'] === '100-continue') {
    await once(call, 'continue');
  }
  call.end(upload.body);
  const [answer] = (await answered) as [IncomingMessage];
  return { status: answer.statusCode ?? 0, reason: answer.statusMessage ?? '', headers: answer.headers, body: await text(answer) };
}

/** Sends the first `bytes` of an upload and goes away. */
export async function breakOff(url: string, upload: RawUpload, bytes: number): Promise<void> {
  const call = request(url, { method: 'POST', agent: false, headers: headersOf(upload) });
  call.on('error', () => undefined);
  call.flushHeaders();
  await once(call, 'socket');
  await new Promise<void>((resolve) => call.write(upload.body.subarray(0, bytes), () => resolve()));
  call.destroy();
}

/** A file with other bytes: its digest is theirs. */
export function withBytes(file: PackageFile, bytes: Buffer, filename: string = file.filename): PackageFile {
  return { ...file, filename, bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}

function headersOf({ contentType, body, authorization = basic('__token__', ADMIN_TOKEN), accept = 'application/json', headers = {} }: RawUpload): Record<string, string> {
  const all = { accept, 'content-length': String(body.length), 'content-type': contentType ?? null, authorization, ...headers };
  return Object.fromEntries(Object.entries(all).flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
}
