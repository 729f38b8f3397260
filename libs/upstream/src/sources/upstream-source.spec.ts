import { brotliCompressSync, gzipSync } from 'node:zlib';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type ScriptedServer, startScriptedServer } from '@oci-package-proxy/testing';

import type { SourceBody } from '../download/download-port.ts';
import { clientFor } from '../download/file-server.contract.ts';
import type { Upstream } from '../upstream-port.ts';
import { upstreamSource } from './upstream-source.ts';

describe('upstreamSource', () => {
  const file = Buffer.from('the bytes of a file');
  const signal = new AbortController().signal;
  let server: ScriptedServer;
  let upstream: Upstream;

  beforeEach(async () => {
    server = await startScriptedServer();
    upstream = clientFor(server);
  });

  afterEach(async () => {
    await upstream.close();
    await server.stop();
  });

  async function opened(offset = 0, validator: string | null = null, path = '/f.bin'): Promise<(Omit<SourceBody, 'stream'> & { text: string }) | null> {
    const body = await upstreamSource({ upstream, url: server.url + path, headers: { 'x-mine': 'yes' } }).open({ offset, validator }, signal);
    if (body === null) {
      return null;
    }
    const { stream, ...rest } = body;
    return { ...rest, text: Buffer.concat(await stream.toArray()).toString() };
  }

  it('opens a file whole', async () => {
    server.answer((_request, response) => void response.writeHead(200, { etag: '"e"', 'content-length': file.length }).end(file));

    expect(await opened()).toEqual({ offset: 0, size: file.length, validator: '"e"', text: file.toString() });
    expect(server.requests[0]?.headers).toMatchObject({ 'accept-encoding': 'identity', 'x-mine': 'yes' });
    expect(server.requests[0]?.headers.range).toBeUndefined();
  });

  it.each([
    ['bytes 4-18/19', 19],
    ['bytes 4-18/*', null],
  ])('opens it in the middle: %s', async (range, size) => {
    server.answer((_request, response) => void response.writeHead(206, { 'content-range': range }).end(file.subarray(4)));

    expect(await opened(4, '"e"')).toEqual({ offset: 4, size, validator: null, text: file.subarray(4).toString() });
    expect(server.requests[0]?.headers).toMatchObject({ range: 'bytes=4-', 'if-range': '"e"' });
  });

  it('asks without If-Range where nothing is known, and takes no weak validator', async () => {
    server.answer((_request, response) => void response.writeHead(200, { etag: 'W/"e"' }).end(file));

    expect(await opened(4)).toMatchObject({ offset: 0, validator: null });
    expect(server.requests[0]?.headers['if-range']).toBeUndefined();
  });

  it.each([404, 410])('has no file on %i', async (status) => {
    server.answer((_request, response) => void response.writeHead(status).end());

    expect(await opened()).toBeNull();
  });

  it.each([
    [204, {}],
    [400, {}],
    [416, {}],
    [206, {}],
    [206, { 'content-range': 'nonsense' }],
  ])('takes a %i with %j for a failure', async (status, headers) => {
    server.answer((_request, response) => void response.writeHead(status, headers).end());

    await expect(opened(4)).rejects.toMatchObject({ code: 'upstream-unavailable' });
  });

  it.each([
    ['br', '/f.bin', brotliCompressSync(file), file],
    ['gzip', '/f.bin', gzipSync(file), file],
    // The file is compressed itself, and the server takes that for a coding.
    ['gzip', '/f.tgz', gzipSync(file), gzipSync(file)],
    ['x-gzip', '/f.tar.gz', gzipSync(file), gzipSync(file)],
    ['br', '/f.tgz', brotliCompressSync(gzipSync(file)), gzipSync(file)],
  ])('gives the right bytes of a %s coded %s', async (coding, path, sent, wanted) => {
    server.answer((_request, response) => void response.writeHead(200, { 'content-encoding': coding }).end(sent));

    expect((await opened(0, null, path))?.text).toBe(wanted.toString());
  });

  it('asks again for the whole when it gets a part of a coded body', async () => {
    server.answer((request, response) => {
      const headers = { 'content-encoding': 'gzip' };
      void (request.headers.range === undefined
        ? response.writeHead(200, headers).end(gzipSync(file))
        : response.writeHead(206, { ...headers, 'content-range': 'bytes 4-18/19' }).end(gzipSync(file).subarray(4)));
    });

    expect(await opened(4, '"e"')).toMatchObject({ offset: 0, size: null, text: file.toString() });
  });

  it('has nothing more when upstream says that the file ends there', async () => {
    server.answer((_request, response) => void response.writeHead(416, { 'content-range': 'bytes */4' }).end());

    expect(await opened(4, '"e"')).toEqual({ offset: 4, size: 4, validator: null, text: '' });
    await expect(opened(5, '"e"')).rejects.toMatchObject({ code: 'upstream-unavailable' });
  });

  it('fails on a coding that cannot be undone', async () => {
    server.answer((_request, response) => void response.writeHead(200, { 'content-encoding': 'rot13' }).end(file));

    await expect(opened()).rejects.toMatchObject({ code: 'upstream-unavailable' });
  });
});
