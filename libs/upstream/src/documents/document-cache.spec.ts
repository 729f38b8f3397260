import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type ScriptedHandler, type ScriptedServer, startScriptedServer } from '@oci-package-proxy/testing';

import { UpstreamClient } from '../http/upstream-client.ts';
import { DocumentCache, type DocumentCacheOptions } from './document-cache.ts';

const ACCEPT = 'application/json';
const DAY = 86_400_000;

describe('DocumentCache', () => {
  let server: ScriptedServer;
  let upstream: UpstreamClient;
  let now: number;
  let url: string;

  beforeEach(async () => {
    now = 1_000_000;
    server = await startScriptedServer((_request, response) => void response.writeHead(200, { 'content-type': ACCEPT, etag: '"1"' }).end('{"a":1}'));
    url = `${server.url}/doc`;
    upstream = new UpstreamClient({ instanceId: 'spec', allowedOrigins: [server.url], retry: { attempts: 1 }, breaker: { failures: 1_000 } });
  });

  afterEach(async () => {
    await upstream.close();
    await server.stop();
  });

  function cacheWith(options: Partial<DocumentCacheOptions> = {}): DocumentCache {
    return new DocumentCache({ upstream, clock: () => now, ...options });
  }

  it('keeps a document for its time, then asks whether it changed', async () => {
    const cache = cacheWith();

    const first = await cache.get({ url, accept: ACCEPT });
    now += 299_000;
    const second = await cache.get({ url, accept: ACCEPT });
    expect(server.requests).toHaveLength(1);
    now += 2_000;
    server.answer((_request, response) => void response.writeHead(304).end());
    const third = await cache.get({ url, accept: ACCEPT });

    expect(first).toMatchObject({ contentType: ACCEPT, etag: '"1"', confirmedAt: 1_000_000, stale: false });
    expect(second).toEqual(first);
    expect(third).toEqual({ ...first, confirmedAt: now });
    expect(server.requests[1]?.headers).toMatchObject({ 'if-none-match': '"1"', accept: ACCEPT });
  });

  it('changes the revision if and only if the bytes change', async () => {
    const cache = cacheWith();

    const first = await cache.get({ url, accept: ACCEPT });
    server.answer((_request, response) => void response.writeHead(200, { etag: '"2"' }).end('{"a":1}'));
    const same = await cache.get({ url, accept: ACCEPT, fresh: true });
    server.answer((_request, response) => void response.writeHead(200, { 'last-modified': 'Wed, 25 Nov 2026 00:00:00 GMT' }).end('{"a":2}'));
    const changed = await cache.get({ url, accept: ACCEPT, fresh: true });
    await cache.get({ url, accept: ACCEPT, fresh: true });

    expect(same?.revision).toBe(first?.revision);
    expect(changed?.revision).not.toBe(first?.revision);
    expect(server.requests[3]?.headers['if-modified-since']).toBe('Wed, 25 Nov 2026 00:00:00 GMT');
  });

  it('asks once for all who wait, whoever of them leaves', async () => {
    const gate = Promise.withResolvers<void>();
    server.answer(async (_request, response) => {
      await gate.promise;
      response.end('{}');
    });
    const cache = cacheWith();
    const leave = new AbortController();

    const leaver = cache.get({ url, accept: ACCEPT, signal: leave.signal });
    const others = [cache.get({ url, accept: ACCEPT }), cache.get({ url, accept: ACCEPT, fresh: true })];
    leave.abort();
    await expect(leaver).rejects.toMatchObject({ code: 'aborted' });
    gate.resolve();

    expect((await Promise.all(others)).map((document) => document?.bytes.toString())).toEqual(['{}', '{}']);
    expect(server.requests).toHaveLength(1);
  });

  it('says where a document came from, after redirects', async () => {
    server.answer((request, response) => void (request.url === '/doc' ? response.writeHead(301, { location: '/other/doc' }).end() : response.writeHead(200).end('{}')));

    const document = await cacheWith().get({ url, accept: ACCEPT });

    expect(document?.url).toBe(`${server.url}/other/doc`);
  });

  it('keeps what is accepted apart', async () => {
    server.answer((request, response) => void response.end(request.headers.accept));
    const cache = cacheWith();

    const [json, html] = await Promise.all([cache.get({ url, accept: 'a/json' }), cache.get({ url, accept: 'text/html' })]);

    expect([json, html].map((document) => document?.bytes.toString())).toEqual(['a/json', 'text/html']);
  });

  it.each([404, 410])('remembers a %i for a short time', async (status) => {
    server.answer((_request, response) => void response.writeHead(status).end());
    const cache = cacheWith();

    expect(await cache.get({ url, accept: ACCEPT })).toBeNull();
    now += 29_000;
    expect(await cache.get({ url, accept: ACCEPT })).toBeNull();
    expect(server.requests).toHaveLength(1);
    expect(await cache.get({ url, accept: ACCEPT, fresh: true })).toBeNull();
    expect(server.requests).toHaveLength(2);

    now += 31_000;
    server.answer((_request, response) => void response.end('{}'));
    expect(await cache.get({ url, accept: ACCEPT })).not.toBeNull();
  });

  const FAILURES: readonly (readonly [string, string, ScriptedHandler])[] = [
    ['a broken connection', 'upstream-unavailable', (_request, response) => void response.destroy()],
    ['500', 'upstream-unavailable', (_request, response) => void response.writeHead(500).end()],
    ['503', 'upstream-unavailable', (_request, response) => void response.writeHead(503).end()],
    ['429', 'rate-limited', (_request, response) => void response.writeHead(429).end()],
    ['401', 'upstream-denied', (_request, response) => void response.writeHead(401).end()],
    ['403', 'upstream-denied', (_request, response) => void response.writeHead(403).end('<html>')],
    ['508', 'loop', (_request, response) => void response.writeHead(508).end()],
    ['a status that is no document', 'upstream-unavailable', (_request, response) => void response.writeHead(400).end()],
    ['no content', 'upstream-unavailable', (_request, response) => void response.writeHead(204).end()],
    ['a truncated body', 'upstream-unavailable', (_request, response) => void response.writeHead(200, { 'content-length': 100 }).write('{', () => response.destroy())],
    ['a truncated chunked body', 'upstream-unavailable', (_request, response) => void response.writeHead(200).write('{', () => response.destroy())],
    ['a truncated coding', 'upstream-unavailable', (_request, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('{"a":"b"}').subarray(0, 12))],
    ['what is not of its coding', 'upstream-unavailable', (_request, response) => void response.writeHead(200, { 'content-encoding': 'br' }).end('<html>')],
    ['an unknown coding', 'upstream-unavailable', (_request, response) => void response.writeHead(200, { 'content-encoding': 'rot13' }).end('{}')],
    ['a redirect to where it must not go', 'policy', (_request, response) => void response.writeHead(302, { location: 'http://10.0.0.1/' }).end()],
    ['too much', 'too-large', (_request, response) => void response.end(Buffer.alloc(2_000_000))],
  ];

  describe.each(FAILURES)('when upstream answers with %s', (_, code, handler) => {
    it('serves the last document as stale, for days', async () => {
      const cache = cacheWith({ limitBytes: 1_000_000 });
      const first = await cache.get({ url, accept: ACCEPT });
      server.answer(handler);

      now += 301_000;
      expect(await cache.get({ url, accept: ACCEPT })).toEqual({ ...first, stale: true });
      now += 6 * DAY;
      expect(await cache.get({ url, accept: ACCEPT, fresh: true })).toEqual({ ...first, stale: true });
      now += 2 * DAY;
      await expect(cache.get({ url, accept: ACCEPT })).rejects.toMatchObject({ code });
    });

    it('fails without one, and never says that there is none', async () => {
      server.answer(handler);

      await expect(cacheWith({ limitBytes: 1_000_000 }).get({ url, accept: ACCEPT })).rejects.toMatchObject({ code });
    });
  });

  it('leaves an upstream that failed alone for a moment, and takes it back after', async () => {
    server.answer((_request, response) => void response.writeHead(500).end());
    const cache = cacheWith();

    await expect(cache.get({ url, accept: ACCEPT })).rejects.toMatchObject({ code: 'upstream-unavailable' });
    now += 4_000;
    await expect(cache.get({ url, accept: ACCEPT, fresh: true })).rejects.toMatchObject({ code: 'upstream-unavailable' });
    expect(server.requests).toHaveLength(1);
    now += 2_000;
    server.answer((_request, response) => void response.end('{}'));

    expect(await cache.get({ url, accept: ACCEPT })).toMatchObject({ stale: false });
  });

  it('does not make an old 404 into one of today', async () => {
    server.answer((_request, response) => void response.writeHead(404).end());
    const cache = cacheWith();
    await cache.get({ url, accept: ACCEPT });
    server.answer((_request, response) => void response.writeHead(500).end());
    now += 31_000;

    await expect(cache.get({ url, accept: ACCEPT })).rejects.toMatchObject({ code: 'upstream-unavailable' });
  });

  it('forgets a document that upstream removed', async () => {
    const cache = cacheWith();
    await cache.get({ url, accept: ACCEPT });
    server.answer((_request, response) => void response.writeHead(404).end());

    expect(await cache.get({ url, accept: ACCEPT, fresh: true })).toBeNull();
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
    ['identity', Buffer.from],
    ['gzip, br', (text: string) => brotliCompressSync(gzipSync(text))],
  ])('undoes %s', async (coding, encode) => {
    const text = JSON.stringify({ text: 'x'.repeat(100_000) });
    server.answer((_request, response) => void response.writeHead(200, { 'content-encoding': coding }).end(encode(text)));

    expect((await cacheWith().get({ url, accept: ACCEPT }))?.bytes.toString()).toBe(text);
    expect(server.requests[0]?.headers['accept-encoding']).toBe('zstd, br, gzip, deflate');
  });

  it('stops at a bomb', async () => {
    const bomb = gzipSync(Buffer.alloc(50 * 2 ** 20));
    server.answer((_request, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb));

    await expect(cacheWith({ limitBytes: 2 ** 20 }).get({ url, accept: ACCEPT })).rejects.toMatchObject({ code: 'too-large' });
  });

  it('drops the least recently used documents', async () => {
    server.answer((_request, response) => void response.end(Buffer.alloc(40_000)));
    const cache = cacheWith({ maxBytes: 100_000 });
    for (const name of ['a', 'b', 'a', 'c', 'a', 'b']) {
      await cache.get({ url: `${server.url}/${name}`, accept: ACCEPT });
    }

    expect(server.requests.map((request) => request.url)).toEqual(['/a', '/b', '/c', '/b']);
  });

  it('keeps one that is larger than all may be together, alone', async () => {
    server.answer((_request, response) => void response.end(Buffer.alloc(200_000)));
    const cache = cacheWith({ maxBytes: 100_000 });
    for (const name of ['a', 'a', 'b', 'b', 'a']) {
      await cache.get({ url: `${server.url}/${name}`, accept: ACCEPT });
    }

    expect(server.requests.map((request) => request.url)).toEqual(['/a', '/b', '/a']);
  });

  it('forgets on request, and does not keep what was on its way then', async () => {
    const gate = Promise.withResolvers<void>();
    const cache = cacheWith();
    await cache.get({ url, accept: ACCEPT });
    cache.forget(url);
    server.answer(async (_request, response) => {
      await gate.promise;
      response.end('old');
    });
    const old = cache.get({ url, accept: ACCEPT });
    cache.forget(url);
    gate.resolve();
    await old;
    server.answer((_request, response) => void response.end('new'));

    expect((await cache.get({ url, accept: ACCEPT }))?.bytes.toString()).toBe('new');
    expect(server.requests[1]?.headers['if-none-match']).toBeUndefined();
  });

  it('does not let who has a document wait for an upstream that keeps silent, and takes what it says in the end', async () => {
    const gate = Promise.withResolvers<void>();
    const cache = cacheWith({ patienceMs: 50 });
    const first = await cache.get({ url, accept: ACCEPT });
    server.answer(async (_request, response) => {
      await gate.promise;
      response.end('{"a":2}');
    });
    now += 301_000;

    const meanwhile = await Promise.all([cache.get({ url, accept: ACCEPT }), cache.get({ url, accept: ACCEPT, fresh: true })]);
    const requests = server.requests.length;
    gate.resolve();
    await expect.poll(async () => (await cache.get({ url, accept: ACCEPT }))?.bytes.toString()).toBe('{"a":2}');

    expect(meanwhile).toEqual([{ ...first, stale: true }, { ...first, stale: true }]);
    expect(requests).toBe(2);
    expect(server.requests).toHaveLength(2);
  });

  it('gives up on a document that never ends', async () => {
    server.answer((_request, response) => void response.write('{'));

    await expect(cacheWith({ fetchMs: 100 }).get({ url, accept: ACCEPT })).rejects.toMatchObject({ code: 'upstream-unavailable' });
  });
});
