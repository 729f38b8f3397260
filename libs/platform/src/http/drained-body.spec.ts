import { createServer, type IncomingMessage, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { drained } from './drained-body.ts';

describe('a body that nobody wants', () => {
  let server: Server;
  let limitMs: number;
  let arrived: PromiseWithResolvers<void>;
  let seen: PromiseWithResolvers<{ readonly ms: number; readonly complete: boolean }>;

  beforeEach(async () => {
    seen = Promise.withResolvers();
    arrived = Promise.withResolvers();
    limitMs = 5_000;
    server = createServer((request: IncomingMessage, response) => {
      const start = performance.now();
      arrived.resolve();
      void drained(request, limitMs).then(() => {
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
    await arrived.promise;
    request.end(Buffer.alloc(1_000_000));

    expect(await seen.promise).toMatchObject({ complete: true });
  });

  it('is waited for no longer than is said', async () => {
    limitMs = 500;
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
    await arrived.promise;
    request.destroy();

    const { ms, complete } = await seen.promise;

    expect(complete).toBe(false);
    expect(ms).toBeLessThan(4_000);
  });
});
