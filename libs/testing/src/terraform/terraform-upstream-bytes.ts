import type { IncomingMessage, ServerResponse } from 'node:http';

import type { ReleaseFile } from './provider-release.ts';
import type { Fault } from './terraform-upstream-fault.ts';

const SLOW_PIECE = 64 * 1024;

/** A request, its answer, and what is to go wrong with it. */
export interface Exchange {
  readonly path: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly fault: Fault | null;
}

/** Sends a file, or one range of it, with the fault of this request. */
export async function sendReleaseFile(file: ReleaseFile, { request, response, fault }: Exchange, contentType = 'application/octet-stream'): Promise<void> {
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const start = Number(range?.[1] ?? 0);
  const end = Math.min(file.size, range === null || range[2] === '' ? file.size : Number(range[2]) + 1);
  if (range !== null && start >= file.size) {
    response.writeHead(416, { 'content-range': `bytes */${file.size}` }).end();
    return;
  }
  response.writeHead(range === null ? 200 : 206, {
    'content-type': contentType,
    'content-length': end - start,
    'accept-ranges': 'bytes',
    etag: `"${file.sha256.slice(0, 32)}"`,
    ...(range !== null && { 'content-range': `bytes ${start}-${end - 1}/${file.size}` }),
  });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  await sendPieces(file, { response, fault, start, end });
}

/** Sends a document as a registry does. */
export function sendJson(response: ServerResponse, document: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(document));
}

async function sendPieces(file: ReleaseFile, { response, fault, start, end }: { response: ServerResponse; fault: Fault | null; start: number; end: number }): Promise<void> {
  const cutAt = fault?.how === 'truncated' ? Math.floor((start + end) / 2) : end;
  const damaged = fault?.how === 'wrong-bytes' ? Math.floor((start + end) / 2) : -1;
  const closed = new Promise<void>((resolve) => response.once('close', () => resolve()));
  for (const { piece, at } of cut(file.pieces(), { start, end: cutAt, slow: fault?.how === 'slow' })) {
    const part = Buffer.from(piece);
    if (damaged >= at && damaged < at + part.length) {
      part[damaged - at] = (part[damaged - at] ?? 0) ^ 1;
    }
    if (!response.write(part)) {
      await Promise.race([new Promise((resolve) => response.once('drain', resolve)), closed]);
    }
    if (fault?.how === 'slow') {
      await Promise.race([new Promise((resolve) => setTimeout(resolve, 1000)), closed]);
    }
    if (response.destroyed) {
      return;
    }
  }
  if (cutAt < end) {
    // What was written must be on its way before the connection goes.
    setTimeout(() => response.destroy(), 20);
    return;
  }
  response.end();
}

/** The part of the pieces between two places, in pieces that are small enough to be slow with. */
function* cut(pieces: Iterable<Buffer>, { start, end, slow }: { start: number; end: number; slow: boolean }): Iterable<{ piece: Buffer; at: number }> {
  let at = 0;
  for (const piece of pieces) {
    const from = Math.max(start, at);
    const to = Math.min(end, at + piece.length);
    const step = slow ? SLOW_PIECE : Math.max(1, to - from);
    for (let place = from; place < to; place += step) {
      yield { piece: piece.subarray(place - at, Math.min(place + step, to) - at), at: place };
    }
    at += piece.length;
    if (at >= end) {
      return;
    }
  }
}
