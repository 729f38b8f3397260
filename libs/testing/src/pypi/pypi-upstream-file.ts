import { once } from 'node:events';
import { open } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { PypiUpstreamFile } from './pypi-upstream.ts';

const PIECE = 64 * 1024;

/** Answers for a file of the scripted upstream: GET, HEAD and one range, with the file's fault. */
export async function sendFile(file: PypiUpstreamFile, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const size = 'bytes' in file.file ? file.file.bytes.length : file.file.size;
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const start = Number(range?.[1] ?? 0);
  const end = Math.min(size, range === null || range[2] === '' ? size : Number(range[2]) + 1);
  if (range !== null && start >= size) {
    response.writeHead(416, { 'content-range': `bytes */${size}` }).end();
    return;
  }
  response.writeHead(range === null ? 200 : 206, {
    'content-type': 'application/octet-stream',
    'content-length': end - start,
    'accept-ranges': 'bytes',
    etag: `"${file.file.sha256.slice(0, 32)}"`,
    ...(range !== null && { 'content-range': `bytes ${start}-${end - 1}/${size}` }),
  });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  await sendPieces(file, response, { start, end });
}

async function sendPieces(file: PypiUpstreamFile, response: ServerResponse, { start, end }: { start: number; end: number }): Promise<void> {
  const closed = once(response, 'close').catch(() => undefined);
  const speed = file.bytesPerSecond ?? (file.fault === 'slow' ? PIECE : undefined);
  const cutAt = file.fault === 'truncated' ? Math.floor((start + end) / 2) : end;
  const damaged = file.fault === 'wrong-bytes' ? Math.floor(end / 2) : -1;
  let sent = start;
  for await (const piece of piecesOf(file.file, start, cutAt)) {
    const part = Buffer.from(piece);
    if (damaged >= sent && damaged < sent + part.length) {
      part[damaged - sent] = (part[damaged - sent] ?? 0) ^ 1;
    }
    sent += part.length;
    if (!response.write(part)) {
      await Promise.race([new Promise((resolve) => response.once('drain', resolve)), closed]);
    }
    if (speed !== undefined) {
      await Promise.race([new Promise((resolve) => setTimeout(resolve, (part.length / speed) * 1000)), closed]);
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

async function* piecesOf(file: PypiUpstreamFile['file'], start: number, end: number): AsyncIterable<Buffer> {
  if ('bytes' in file) {
    for (let at = start; at < end; at += PIECE) {
      yield file.bytes.subarray(at, Math.min(at + PIECE, end));
    }
    return;
  }
  const handle = await open(file.path);
  try {
    for (let at = start; at < end; ) {
      const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(Math.min(PIECE, end - at)), 0, undefined, at);
      if (bytesRead === 0) {
        return;
      }
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
    }
  } finally {
    await handle.close();
  }
}
