import { createHash, randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';

import { type ScriptedRequest, type ScriptedServer, startScriptedServer } from '@oci-package-proxy/testing';

import type { Upstream } from '../upstream-port.ts';
import { UpstreamClient } from '../http/upstream-client.ts';

/** How one request for the file is answered; without any of it, whole and right. */
export interface Answer {
  /** Ends the connection after so many bytes of the body. */
  readonly dieAfter?: number;
  /** Says nothing more after so many bytes of the body. */
  readonly stallAfter?: number;
  readonly ignoreRange?: boolean;
  /** Announces no size. */
  readonly chunked?: boolean;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly bytes?: Buffer;
  /** Waits before the byte at this offset until the promise resolves. */
  readonly holdAt?: { readonly offset: number; readonly until: Promise<unknown> };
}

/** A file at an upstream that does what a test tells it to. */
export interface FileServer extends ScriptedServer {
  readonly fileUrl: string;
  /** One answer for each request to come; after the last one, right answers. */
  plan(...answers: readonly Answer[]): void;
}

/** Starts a {@link FileServer}. */
export async function startFileServer(bytes: Buffer, etag = '"v1"'): Promise<FileServer> {
  let planned: Answer[] = [];
  const server = await startScriptedServer(async (request, response) => serve(request, response, { bytes, etag, ...planned.shift() }));
  return {
    ...server,
    fileUrl: `${server.url}/file`,
    plan: (...answers) => {
      planned = [...answers];
    },
  };
}

/** A client that may reach the loopback interface and does not wait between its attempts. */
export function clientFor(...servers: readonly { readonly url: string }[]): Upstream {
  return new UpstreamClient({ instanceId: 'spec', allowedOrigins: servers.map((server) => server.url), retry: { attempts: 1 } });
}

async function serve(request: ScriptedRequest, response: ServerResponse, answer: Answer & { readonly bytes: Buffer; readonly etag: string }): Promise<void> {
  if (answer.status !== undefined) {
    response.writeHead(answer.status, answer.headers).end();
    return;
  }
  const range = answer.ignoreRange === true ? null : /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
  const same = request.headers['if-range'] === undefined || request.headers['if-range'] === answer.etag;
  const start = range !== null && same ? Number(range[1]) : 0;
  const body = answer.bytes.subarray(start);
  response.writeHead(start > 0 ? 206 : 200, {
    etag: answer.etag,
    ...(answer.chunked !== true && { 'content-length': body.length }),
    ...(start > 0 && { 'content-range': `bytes ${start}-${answer.bytes.length - 1}/${answer.bytes.length}` }),
    ...answer.headers,
  });
  response.flushHeaders();
  const hold = answer.holdAt;
  if (hold !== undefined) {
    await written(response, body.subarray(0, hold.offset));
    await hold.until;
    await written(response, body.subarray(hold.offset));
    response.end();
    return;
  }
  const cut = answer.dieAfter ?? answer.stallAfter;
  if (cut === undefined) {
    response.end(body);
    return;
  }
  await written(response, body.subarray(0, cut));
  if (answer.dieAfter !== undefined) {
    response.destroy();
  }
}

async function written(response: ServerResponse, bytes: Buffer): Promise<void> {
  await new Promise<void>((resolve) => response.write(bytes, () => resolve()));
}

/** What a reader got. */
export interface Got {
  readonly bytes: Buffer;
  /** Whether the stream ended as a whole one does. */
  readonly ended: boolean;
  /** The code of the error that destroyed it. */
  readonly code: string | null;
}

/** Reads a stream to whatever end. */
export async function drain(stream: Readable): Promise<Got> {
  const chunks: Buffer[] = [];
  let ended = false;
  let code: string | null = null;
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('end', () => {
    ended = true;
  });
  stream.on('error', (error: Error & { code?: string }) => {
    code = error.code ?? error.message;
  });
  await new Promise<void>((resolve) => stream.once('close', resolve));
  return { bytes: Buffer.concat(chunks), ended, code };
}

/** The first chunk, without which nothing is taken. */
export async function firstChunk(stream: Readable): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    stream.once('error', reject);
    stream.once('data', (chunk: Buffer) => {
      stream.pause();
      resolve(chunk);
    });
    // One that was paused before does not flow by itself.
    stream.resume();
  });
}

/** Random bytes and their digest. */
export function randomFile(size: number): { readonly bytes: Buffer; readonly sha256: string; readonly sha1: string } {
  const bytes = randomBytes(size);
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex'), sha1: createHash('sha1').update(bytes).digest('hex') };
}
