import { connect } from 'node:net';
import { Readable } from 'node:stream';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ProxyError } from '@oci-package-proxy/errors';
import type { ByteRange } from '@oci-package-proxy/oci';

import { type FileBody, sendFile } from './file-response.ts';
import { type ProbeApp, startProbeApp } from './probe-app.contract.ts';

const BYTES = Buffer.from('0123456789');

describe('sendFile', () => {
  let probe: ProbeApp;
  let opened: (ByteRange | undefined)[] = [];

  beforeAll(async () => {
    probe = await startProbeApp();
  });
  afterAll(async () => probe.close());

  function serve(changes: Partial<FileBody> = {}): void {
    opened = [];
    const file: FileBody = {
      size: BYTES.length,
      etag: 'abc',
      contentType: 'application/octet-stream',
      headers: { 'cache-control': 'max-age=60', 'x-extra': 'yes' },
      open: (range) => {
        opened.push(range);
        return Promise.resolve(Readable.from([range === undefined ? BYTES : BYTES.subarray(range.start, range.end + 1)]));
      },
      ...changes,
    };
    probe.handle(async (request, reply) => sendFile(reply, file, request));
  }

  it.each([
    // RFC 9110 §14: one range.
    ['no Range', {}, 200, '0123456789', undefined],
    ['first bytes', { range: 'bytes=0-3' }, 206, '0123', 'bytes 0-3/10'],
    ['one byte', { range: 'bytes=9-9' }, 206, '9', 'bytes 9-9/10'],
    ['open end', { range: 'bytes=7-' }, 206, '789', 'bytes 7-9/10'],
    ['end beyond the file', { range: 'bytes=8-100' }, 206, '89', 'bytes 8-9/10'],
    ['suffix', { range: 'bytes=-3' }, 206, '789', 'bytes 7-9/10'],
    ['suffix longer than the file', { range: 'bytes=-30' }, 206, '0123456789', 'bytes 0-9/10'],
    ['unit in capitals', { range: 'Bytes=0-0' }, 206, '0', 'bytes 0-0/10'],
    ['start at the size', { range: 'bytes=10-' }, 416, null, 'bytes */10'],
    ['empty suffix', { range: 'bytes=-0' }, 416, null, 'bytes */10'],
    ['backwards', { range: 'bytes=5-2' }, 200, '0123456789', undefined],
    ['another unit', { range: 'lines=1-2' }, 200, '0123456789', undefined],
    ['malformed', { range: 'bytes=a-b' }, 200, '0123456789', undefined],
    ['several', { range: 'bytes=0-1,3-4' }, 200, '0123456789', undefined],
    // §13.1.5
    ['If-Range that matches', { range: 'bytes=0-3', 'if-range': '"abc"' }, 206, '0123', 'bytes 0-3/10'],
    ['If-Range of another version', { range: 'bytes=0-3', 'if-range': '"abd"' }, 200, '0123456789', undefined],
    ['weak If-Range', { range: 'bytes=0-3', 'if-range': 'W/"abc"' }, 200, '0123456789', undefined],
    ['If-Range with a date', { range: 'bytes=0-3', 'if-range': 'Tue, 24 Nov 2026 10:00:00 GMT' }, 200, '0123456789', undefined],
    ['unsatisfiable but If-Range fails', { range: 'bytes=90-', 'if-range': '"abd"' }, 200, '0123456789', undefined],
    // §13.1.1, §13.1.2: weak comparison for If-None-Match, strong for If-Match.
    ['If-None-Match', { 'if-none-match': '"abc"' }, 304, '', undefined],
    ['weak If-None-Match', { 'if-none-match': 'W/"abc"' }, 304, '', undefined],
    ['If-None-Match in a list', { 'if-none-match': '"x", W/"y,z" , "abc"' }, 304, '', undefined],
    ['If-None-Match *', { 'if-none-match': '*' }, 304, '', undefined],
    ['If-None-Match of another', { 'if-none-match': '"abd"' }, 200, '0123456789', undefined],
    ['If-None-Match without quotes', { 'if-none-match': 'abc' }, 200, '0123456789', undefined],
    ['If-None-Match before Range', { 'if-none-match': '"abc"', range: 'bytes=90-' }, 304, '', undefined],
    ['If-Match', { 'if-match': '"abc"' }, 200, '0123456789', undefined],
    ['If-Match of another', { 'if-match': '"abd"' }, 412, '', undefined],
    ['weak If-Match', { 'if-match': 'W/"abc"' }, 412, '', undefined],
  ])('%s', async (_name, headers, status, body, contentRange) => {
    serve();

    const answer = await probe.ask({ path: '/probe/x', headers: headers as Record<string, string> });

    expect(answer.status).toBe(status);
    expect(answer.headers['content-range']).toBe(contentRange);
    if (body !== null) {
      expect(answer.body.toString()).toBe(body);
      expect(answer.headers.etag).toBe('"abc"');
    }
    if (status === 200 || status === 206) {
      expect(answer.headers['content-length']).toBe(String(body?.length));
      expect(answer.headers).toMatchObject({ 'accept-ranges': 'bytes', 'content-type': 'application/octet-stream', 'x-extra': 'yes' });
    }
  });

  it('repeats in a 304 only what belongs there', async () => {
    serve();

    const answer = await probe.ask({ path: '/probe/x', headers: { 'if-none-match': '"abc"' } });

    expect(answer.headers).toMatchObject({ etag: '"abc"', 'cache-control': 'max-age=60' });
    expect(answer.headers).not.toHaveProperty('x-extra');
    expect(answer.headers).not.toHaveProperty('content-length');
    expect(opened).toEqual([]);
  });

  it('answers HEAD like GET, without opening the file, and ignores its Range', async () => {
    serve();

    const answer = await probe.ask({ method: 'HEAD', path: '/probe/x', headers: { range: 'bytes=0-1' } });

    expect([answer.status, answer.headers['content-length'], answer.headers.etag, answer.body.length]).toEqual([200, '10', '"abc"', 0]);
    expect(opened).toEqual([]);
  });

  it.each([
    ['any part by default', {}, 'bytes=2-3', 206],
    ['only parts that reach the end', { ranges: 'suffix' }, 'bytes=2-3', 200],
    ['parts that reach the end', { ranges: 'suffix' }, 'bytes=2-', 206],
    ['no parts', { ranges: 'none' }, 'bytes=2-', 200],
    ['no parts of a file of unknown size', { size: null }, 'bytes=2-', 200],
  ] as const)('cuts out %s', async (_name, changes, range, status) => {
    serve(changes);

    const answer = await probe.ask({ path: '/probe/x', headers: { range } });

    expect(answer.status).toBe(status);
  });

  it.each([
    ['fails in the middle', async function* (): AsyncGenerator<Buffer> {
      yield BYTES.subarray(0, 4);
      await new Promise((resolve) => setTimeout(resolve, 20));
      throw new ProxyError('integrity', 'wrong digest');
    }],
    ['ends too early', async function* (): AsyncGenerator<Buffer> {
      yield BYTES.subarray(0, 4);
    }],
    ['has too many bytes', async function* (): AsyncGenerator<Buffer> {
      yield BYTES.subarray(0, 4);
      await new Promise((resolve) => setTimeout(resolve, 20));
      yield BYTES;
    }],
  ])('cuts the connection when the source %s', async (_name, source) => {
    serve({ open: () => Promise.resolve(Readable.from(source())) });

    const answer = await probe.ask({ path: '/probe/x', headers: { 'x-request-id': 'broken-off-1' } });

    expect(answer.brokenOff).toBe(true);
    expect(answer.body.length).toBeLessThan(10);
    await expect.poll(() => probe.lines().findLast((line) => line['requestId'] === 'broken-off-1')).toMatchObject({ brokenOff: true, failure: { code: 'integrity' } });
  });

  it('answers an error of the source before its first byte as any other', async () => {
    serve({ open: () => Promise.reject(new ProxyError('storage-unavailable', 'reading the file: storage is down')) });

    const answer = await probe.ask({ path: '/probe/x' });

    expect(answer.status).toBe(503);
    expect(answer.headers).not.toHaveProperty('etag');
    expect(answer.body.toString()).toContain('storage is down');
  });

  it('lets go of the source when the client leaves, without an error in the log', async () => {
    const released = Promise.withResolvers<boolean>();
    const finished = Promise.withResolvers<void>();
    probe.handle(async (request, reply) => {
      await sendFile(reply, {
        size: 2 ** 30,
        etag: 'big',
        contentType: 'application/octet-stream',
        open: (_range, signal) => {
          const source = new Readable({ read() { this.push(Buffer.alloc(65_536)); }, destroy(_error, done) { released.resolve(signal.aborted); done(null); } });
          return Promise.resolve(source);
        },
      }, request);
      finished.resolve();
    });
    const errors = probe.lines().filter((line) => line['level'] === 'error').length;

    const socket = connect(probe.port, '127.0.0.1');
    socket.write('GET /probe/x HTTP/1.1\r\nhost: x\r\nx-request-id: client-left\r\n\r\n');
    await new Promise((resolve) => socket.once('data', resolve));
    socket.destroy();
    await Promise.all([released.promise, finished.promise]);

    await expect.poll(() => probe.lines().find((line) => line['requestId'] === 'client-left')).toMatchObject({ level: 'info', brokenOff: true });
    expect(probe.lines().find((line) => line['requestId'] === 'client-left')).not.toHaveProperty('failure');
    expect(probe.lines().filter((line) => line['level'] === 'error')).toHaveLength(errors);
  });

  it('tells a slow open that the client left', async () => {
    const aborted = Promise.withResolvers<void>();
    serve({ open: async (_range, signal) => {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      aborted.resolve();
      throw signal.reason;
    } });

    const socket = connect(probe.port, '127.0.0.1');
    socket.write('GET /probe/x HTTP/1.1\r\nhost: x\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.destroy();

    await expect(aborted.promise).resolves.toBeUndefined();
  });

  it('outlives a source that fails because the client had left before it was opened', async () => {
    const over = Promise.withResolvers<void>();
    const uncaught: unknown[] = [];
    const note = (error: unknown): void => void uncaught.push(error);
    process.on('uncaughtException', note);
    probe.handle(async (request, reply) => {
      await new Promise((resolve) => request.raw.socket.once('close', resolve));
      await sendFile(reply, {
        size: BYTES.length,
        etag: 'abc',
        contentType: 'application/octet-stream',
        open: (_range, signal) => Promise.resolve(new Readable({ signal, read: () => undefined })),
      }, request);
      over.resolve();
    });

    const socket = connect(probe.port, '127.0.0.1');
    socket.write('GET /probe/x HTTP/1.1\r\nhost: x\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.destroy();
    await over.promise;
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off('uncaughtException', note);

    expect(uncaught).toEqual([]);
  });
});
