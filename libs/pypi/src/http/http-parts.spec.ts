import { createServer, type IncomingMessage, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { drained, RouteTable } from '@oci-package-proxy/platform';

import { wantsFresh } from './client-wishes.ts';
import { pathParts, queryOf, slashesAtEnd } from './request-path.ts';

describe('a path', () => {
  it.each([
    ['/pypi/simple/numpy/', '/pypi', ['simple', 'numpy']],
    ['/pypi', '/pypi', []],
    ['/simple//a%2Bb+c/?format=x/y', '', ['simple', 'a+b+c']],
    ['/pypi/files/x/a%201!b.whl#/y', '/pypi', ['files', 'x', 'a 1!b.whl']],
    ['/pypi/a%2fb', '/pypi', ['a/b']],
  ])('%s below %j is %j', (url, base, parts) => {
    expect(pathParts(url, base)).toEqual(parts);
  });

  it('has escapes that are some', () => {
    expect(() => pathParts('/simple/%zz', '')).toThrow(/percent/);
  });

  it.each([
    ['/simple', 0, ''],
    ['/simple/?a=/b/', 1, '?a=/b/'],
    ['/simple//', 2, ''],
    ['/simple/#x?y', 1, ''],
  ])('%s ends with %i slashes and the query %j', (url, slashes, query) => {
    expect([slashesAtEnd(url), queryOf(url)]).toEqual([slashes, query]);
  });
});

describe('routes', () => {
  const patterns = ['', 'simple', 'simple/:name', 'pypi/:name/json', ':name/json', ':name/:version/json', 'files/:name/:file'];
  const table = new RouteTable(patterns.map((pattern) => ({ methods: ['GET'], pattern, handler: async () => Promise.resolve() })));

  it.each([
    ['', '', {}],
    ['simple', 'simple', {}],
    ['simple/json', 'simple/:name', { name: 'json' }],
    ['pypi/json', ':name/json', { name: 'pypi' }],
    ['pypi/pypi/json', 'pypi/:name/json', { name: 'pypi' }],
    ['x/1.0/json', ':name/:version/json', { name: 'x', version: '1.0' }],
    ['files/x/x.whl', 'files/:name/:file', { name: 'x', file: 'x.whl' }],
  ])('%j goes to %j', (path, pattern, params) => {
    const found = table.find('GET', path === '' ? [] : path.split('/'));

    expect([found?.route.pattern, found?.params]).toEqual([pattern, params]);
  });

  it.each([
    ['POST', 'simple'],
    ['GET', 'simple/a/b'],
    ['GET', 'other'],
  ])('%s %s goes nowhere', (method, path) => {
    expect(table.find(method, path.split('/'))).toBeNull();
  });
});

describe('a wish to pass over what is cached', () => {
  it.each([
    [undefined, undefined, false],
    ['no-cache', undefined, true],
    ['max-stale, No-Cache', 'uv/0.12', true],
    ['max-age=0', 'pip/26.2.1 {"python":"3.14"}', true],
    ['max-age=0', 'pip/27.0', true],
    ['max-age=0', 'pip/26.1', false],
    ['max-age=0', 'pip/9.0.3', false],
    ['max-age=0', 'unearth/0.17', false],
    ['max-age=0', undefined, false],
    ['max-age=600', 'pip/26.2', false],
  ])('Cache-Control %s of %s: %s', (control, agent, wish) => {
    expect(wantsFresh({ 'cache-control': control, 'user-agent': agent })).toBe(wish);
  });
});

describe('a body that nobody wants', () => {
  let server: Server;
  let seen: PromiseWithResolvers<{ readonly ms: number; readonly complete: boolean }>;

  beforeEach(async () => {
    seen = Promise.withResolvers();
    server = createServer((request: IncomingMessage, response) => {
      const start = performance.now();
      void drained(request, 500).then(() => {
        seen.resolve({ ms: performance.now() - start, complete: request.complete });
        response.end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  function sender(length: number): ReturnType<typeof httpRequest> {
    const request = httpRequest({ port: (server.address() as AddressInfo).port, method: 'POST', headers: { 'content-length': length }, agent: false });
    request.on('error', () => undefined).on('response', (response) => response.resume());
    return request;
  }

  it('is waited for', async () => {
    const request = sender(2_000_000);
    request.write(Buffer.alloc(1_000_000));
    await sleep(100);
    request.end(Buffer.alloc(1_000_000));

    expect(await seen.promise).toMatchObject({ complete: true });
  });

  it('is waited for no longer than is said', async () => {
    const request = sender(2_000_000);
    request.write('x');

    const { ms, complete } = await seen.promise;
    request.destroy();

    expect(complete).toBe(false);
    expect(ms).toBeGreaterThan(400);
  });

  it('is not waited for when its sender leaves', async () => {
    const request = sender(2_000_000);
    request.write(Buffer.alloc(100_000));
    await sleep(100);
    request.destroy();

    const { ms, complete } = await seen.promise;

    expect(complete).toBe(false);
    expect(ms).toBeLessThan(450);
  });
});
