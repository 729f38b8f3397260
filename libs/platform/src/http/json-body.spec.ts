import { connect } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { isProxyError } from '@oci-package-proxy/errors';

import { readJson } from './json-body.ts';
import { type ProbeApp, startProbeApp } from './probe-app.contract.ts';

const LIMIT = 1000;

describe('readJson', () => {
  let probe: ProbeApp;

  beforeAll(async () => {
    probe = await startProbeApp();
  });
  afterAll(async () => probe.close());

  function echo(): void {
    probe.handle(async (request, reply) => {
      const value = await readJson(request, LIMIT);
      await reply.send(Buffer.from(value === undefined ? 'nothing' : JSON.stringify(value)));
    });
  }

  const json = { 'content-type': 'application/json' };
  it.each([
    ['an object', '{"a":[1]}', json, 200, '{"a":[1]}'],
    ['a bare string', '"1.0.0"', json, 200, '"1.0.0"'],
    ['null', 'null', json, 200, 'null'],
    ['a type with parameters', '1', { 'content-type': 'application/json; charset=utf-8' }, 200, '1'],
    ['a vendor type', '1', { 'content-type': 'application/vnd.x+json' }, 200, '1'],
    ['no type', '1', {}, 200, '1'],
    ['an empty body', '', json, 200, 'nothing'],
    ['gzip', gzipSync('{"a":1}'), { ...json, 'content-encoding': 'gzip' }, 200, '{"a":1}'],
    ['deflate', deflateSync('{"a":1}'), { ...json, 'content-encoding': 'deflate' }, 200, '{"a":1}'],
    ['br', brotliCompressSync('{"a":1}'), { ...json, 'content-encoding': 'BR' }, 200, '{"a":1}'],
    ['identity', '1', { ...json, 'content-encoding': 'identity' }, 200, '1'],
    ['the limit', `"${'x'.repeat(LIMIT - 2)}"`, json, 200, 'xxx'],
    ['one over the limit', `"${'x'.repeat(LIMIT - 1)}"`, json, 413, 'larger'],
    ['a gzip bomb', gzipSync(Buffer.alloc(50_000_000)), { ...json, 'content-encoding': 'gzip', 'transfer-encoding': 'chunked' }, 413, 'larger'],
    ['a brotli bomb', brotliCompressSync(Buffer.alloc(500_000)), { ...json, 'content-encoding': 'br' }, 413, 'larger'],
    ['no JSON', '{"a"', json, 400, 'not valid JSON'],
    ['bad UTF-8', Buffer.from([0x22, 0xff, 0x22]), json, 400, 'not valid JSON'],
    ['broken gzip', Buffer.from('not gzip at all'), { ...json, 'content-encoding': 'gzip' }, 400, 'Content-Encoding'],
    ['cut gzip', gzipSync('{"a":1}').subarray(0, 15), { ...json, 'content-encoding': 'gzip' }, 400, 'Content-Encoding'],
    ['another coding', '1', { ...json, 'content-encoding': 'zstd' }, 415, 'Content-Encoding'],
    ['stacked codings', '1', { ...json, 'content-encoding': 'gzip, gzip' }, 415, 'Content-Encoding'],
    ['another type', 'a=1', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'must be JSON'],
  ])('%s', async (_name, body, headers, status, text) => {
    echo();

    const answer = await probe.ask({ method: 'PUT', path: '/probe/x', body, headers: headers as Record<string, string> });

    expect(answer.status).toBe(status);
    expect(answer.body.toString()).toContain(text);
  });

  it('counts what comes, whatever Content-Length does not say, and still delivers the 413', async () => {
    echo();

    const answer = await probe.ask({ method: 'PUT', path: '/probe/x', body: Buffer.alloc(2_000_000, 'x'), headers: { ...json, 'transfer-encoding': 'chunked' } });

    expect(answer.status).toBe(413);
  });

  it('fails with aborted when the sender leaves', async () => {
    const failed = Promise.withResolvers<unknown>();
    probe.handle(async (request) => {
      await readJson(request, LIMIT).catch((error: unknown) => {
        failed.resolve(error);
        throw error;
      });
    });

    const socket = connect(probe.port, '127.0.0.1');
    socket.write('PUT /probe/x HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"a":');
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.destroy();

    expect(isProxyError(await failed.promise, 'aborted')).toBe(true);
    expect(probe.lines().filter((line) => line['level'] === 'error')).toEqual([]);
  });
});
