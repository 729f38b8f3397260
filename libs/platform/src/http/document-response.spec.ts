import { gunzipSync, gzipSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { acceptsGzip } from './accept-encoding.ts';
import { type DocumentBody, sendDocument } from './document-response.ts';
import { type ProbeApp, startProbeApp } from './probe-app.contract.ts';

const BYTES = Buffer.from(JSON.stringify({ name: 'x'.repeat(2000) }));
const DOCUMENT: DocumentBody = { bytes: BYTES, gzip: gzipSync(BYTES), contentType: 'application/vnd.example+json', etag: 'r1', headers: { Vary: 'Accept', 'cache-control': 'max-age=5' } };

describe('sendDocument', () => {
  let probe: ProbeApp;

  beforeAll(async () => {
    probe = await startProbeApp();
  });
  afterAll(async () => probe.close());

  function serve(document: DocumentBody = DOCUMENT): void {
    probe.handle(async (request, reply) => sendDocument(reply, request, document));
  }

  it.each([
    ['plain', 'GET', {}, 200, undefined, BYTES.length],
    ['gzip', 'GET', { 'accept-encoding': 'br, gzip' }, 200, 'gzip', DOCUMENT.gzip?.length],
    ['HEAD, plain', 'HEAD', {}, 200, undefined, BYTES.length],
    ['HEAD, gzip', 'HEAD', { 'accept-encoding': 'gzip' }, 200, 'gzip', DOCUMENT.gzip?.length],
  ] as const)('sends the document: %s', async (_name, method, headers, status, encoding, length) => {
    serve();

    const answer = await probe.ask({ method, path: '/probe/x', headers });

    expect(answer.status).toBe(status);
    expect(answer.headers).toMatchObject({ etag: encoding === 'gzip' ? '"r1-gzip"' : '"r1"', vary: 'Accept, Accept-Encoding', 'content-type': 'application/vnd.example+json', 'content-length': String(length) });
    expect(answer.headers['content-encoding']).toBe(encoding);
    if (method === 'GET') {
      expect(encoding === 'gzip' ? gunzipSync(answer.body) : answer.body).toEqual(BYTES);
    } else {
      expect(answer.body).toHaveLength(0);
    }
  });

  it.each([
    ['the same', {}, '"r1"', 304, '"r1"'],
    ['the same, packed', { 'accept-encoding': 'gzip' }, '"r1-gzip"', 304, '"r1-gzip"'],
    ['the same, of the other coding', { 'accept-encoding': 'gzip' }, '"r1"', 304, '"r1"'],
    ['the same, made weak by a proxy', { 'accept-encoding': 'gzip' }, 'W/"r1-gzip"', 304, '"r1-gzip"'],
    ['one of several', {}, '"r0", "r1-gzip"', 304, '"r1-gzip"'],
    ['any', {}, '*', 304, '"r1"'],
    ['another', { 'accept-encoding': 'gzip' }, '"r0"', 200, '"r1-gzip"'],
  ])('compares If-None-Match: %s', async (_name, headers, tag, status, etag) => {
    serve();

    const answer = await probe.ask({ path: '/probe/x', headers: { ...headers, 'if-none-match': tag } });

    expect(answer.status).toBe(status);
    expect(answer.headers).toMatchObject({ etag, vary: 'Accept, Accept-Encoding', 'cache-control': 'max-age=5' });
    expect(answer.headers['content-type'] === undefined).toBe(status === 304);
  });

  it.each([
    ['"r1"', 200],
    ['"r1-gzip"', 200],
    ['W/"r1"', 412],
    ['"r0"', 412],
  ])('compares If-Match strongly: %s', async (tag, status) => {
    serve();

    expect((await probe.ask({ path: '/probe/x', headers: { 'if-match': tag } })).status).toBe(status);
  });
});

it.each([
  [undefined, false],
  ['', false],
  ['gzip', true],
  ['GZIP;q=0.5', true],
  ['gzip;q=0', false],
  ['gzip; q=0.000, *', false],
  ['*', true],
  ['*;q=0', false],
  ['br, deflate', false],
  ['x-gzip', true],
  ['gzip;q=nonsense', false],
])('Accept-Encoding %s allows gzip: %s', (header, expected) => {
  expect(acceptsGzip(header)).toBe(expected);
});
