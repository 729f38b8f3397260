import { rm } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

import { NotFoundException } from '@nestjs/common';
import { temporaryDirectory } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ERROR_CODES, ProxyError } from '@oci-package-proxy/errors';

import { HealthChecks } from '../health/health-checks.ts';
import { annotateRequest } from '../logging/exchange.ts';
import { Metrics } from '../metrics/metrics.ts';
import { selfMadeTls } from '../tls/self-made-tls.ts';
import { STATUS_OF } from './error-status.ts';
import { appServers } from './http-app.ts';
import type { ErrorBodyEncoder } from './mounts.ts';
import { ask, askRaw, type ProbeApp, startProbeApp } from './probe-app.contract.ts';

const alpha: ErrorBodyEncoder = (error) => ({ contentType: 'application/alpha', body: `alpha ${error.status} ${error.message}`, headers: { 'x-alpha': error.code }, reason: `alpha ${error.message}` });
const beta: ErrorBodyEncoder = (error) => ({ contentType: 'text/beta', body: `beta ${error.code}` });

describe('createHttpApp', () => {
  const metrics = new Metrics({ process: false });
  const health = new HealthChecks({ checks: [] });
  let probe: ProbeApp;

  beforeAll(async () => {
    probe = await startProbeApp({
      metrics,
      health,
      mounts: [
        { prefix: '', errorBody: alpha, ecosystem: 'alpha', rewriteUrl: (url) => url.replace('/@s/', '/@s%2f') },
        { prefix: '/beta', errorBody: beta, ecosystem: 'beta', rewriteUrl: (url) => `/moved${url}` },
      ],
    });
  });
  afterAll(async () => probe.close());

  it.each(ERROR_CODES)('answers %s by the table, in the ecosystem\'s words', async (code) => {
    probe.handle(() => {
      throw new ProxyError(code, 'the text', { retryAfterMs: 1500 });
    });

    const answer = await probe.ask({ path: '/probe/x' });

    expect(answer.status).toBe(STATUS_OF[code]);
    expect(answer.headers['content-type']).toBe('application/alpha');
    expect(answer.headers['x-alpha']).toBe(code);
    expect(answer.headers['retry-after']).toBe('2');
    expect(answer.headers['www-authenticate'] !== undefined).toBe(code === 'unauthenticated');
    expect(answer.body.toString().includes('the text')).toBe(code !== 'internal' && code !== 'config');
  });

  it('lets an ecosystem write the reason of the status line, harmless to whoever reads it', async () => {
    probe.handle(() => {
      throw new ProxyError('conflict', `over there: \u00e9\r\nx-evil: 1${'.'.repeat(1000)}`);
    });

    const answer = await askRaw(probe.port, 'GET /probe/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');

    expect(answer).toMatch(/^HTTP\/1\.1 409 alpha over there: e x-evil: 1\.{100,200}\r\n/);
  });

  it('hides unknown errors behind the request id, and logs them with their stack', async () => {
    probe.handle(() => {
      throw Object.assign(new Error('secret detail'), { statusCode: 418 });
    });

    const answer = await probe.ask({ path: '/probe/x', headers: { 'x-request-id': 'my-request-0001' } });

    expect(answer.status).toBe(500);
    expect(answer.headers['x-request-id']).toBe('my-request-0001');
    expect(answer.body.toString()).toContain('my-request-0001');
    expect(answer.body.toString()).not.toContain('secret detail');
    expect(probe.lines()).toContainEqual(expect.objectContaining({ level: 'error', requestId: 'my-request-0001', err: expect.objectContaining({ stack: expect.any(String) }) }));
  });

  it('replaces a request id that is not sane', async () => {
    probe.handle((_request, reply) => reply.send(Buffer.from('x')));

    const answer = await probe.ask({ path: '/probe/x', headers: { 'x-request-id': '"><script>' } });

    expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it.each([
    ['bad percent-encoding', { path: '/probe/%zz' }, 400, 'alpha'],
    ['bad percent-encoding below a mount', { path: '/beta/%zz' }, 400, 'beta'],
    ['an unknown route', { path: '/nothing/here?token=secret' }, 404, 'alpha'],
    ['an unknown route below a mount', { path: '/beta/nothing' }, 404, 'beta'],
    ['a path that only looks like the mount', { path: '/betamax' }, 404, 'alpha'],
    ['HEAD of a GET route', { method: 'HEAD', path: '/only-get' }, 404, ''],
    ['an unknown route with a body', { method: 'PUT', path: '/nothing', body: 'x', headers: { 'content-type': 'application/json' } }, 404, 'alpha'],
    ['a malformed content type', { method: 'POST', path: '/plain-post', body: 'x', headers: { 'content-type': '///' } }, 415, 'alpha'],
  ])('answers %s in the format of its ecosystem', async (_name, request, status, body) => {
    const answer = await probe.ask(request);

    expect(answer.status).toBe(status);
    expect(answer.body.toString()).toContain(body);
    expect(answer.body.toString()).not.toContain('secret');
  });

  it('keeps the status of Nest\'s own exceptions', async () => {
    probe.handle(() => {
      throw new NotFoundException();
    });

    const answer = await probe.ask({ path: '/probe/x' });

    expect(answer.status).toBe(404);
  });

  it.each([
    ['JSON', { 'content-type': 'application/json' }],
    ['an unknown type', { 'content-type': 'application/x-whatever' }],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
  ])('hands the body over as a stream: %s', async (_name, headers: Record<string, string>) => {
    const answer = await probe.ask({ method: 'POST', path: '/plain-post', body: '{"broken', headers });

    expect(answer.body.toString()).toBe('true');
  });

  it('hands the body over as a stream without a content type', async () => {
    const answer = await askRaw(probe.port, 'POST /plain-post HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}');

    expect(answer).toMatch(/^HTTP\/1.1 201 [^]*true$/);
  });

  it.each([
    ['scoped names before routing', '/probe/@s/name', '/probe/@s%2fname'],
    ['below the prefix only', '/beta/probe/@s/x', null],
  ])('rewrites %s', async (_name, path, seen) => {
    probe.handle((request, reply) => reply.send(Buffer.from(request.url)));

    const answer = await probe.ask({ path });

    expect(answer.status === 200 ? answer.body.toString() : null).toBe(seen);
  });

  it('takes long path segments', async () => {
    probe.handle((_request, reply) => reply.send(Buffer.from('ok')));

    const answers = await Promise.all([2048, 4096].map(async (length) => probe.ask({ path: `/probe/${'a'.repeat(length)}` })));

    expect(answers.map((answer) => answer.status)).toEqual([200, 200]);
  });

  it('answers 508 to its own requests', async () => {
    const answer = await probe.ask({ path: '/probe/x', headers: { via: '1.1 somebody, 1.1 probe-instance' } });

    expect(answer.status).toBe(508);
  });

  it('logs and counts each request, with what was found out about it and without its query and tokens', async () => {
    probe.handle((_request, reply) => {
      annotateRequest({ package: 'left-pad', principal: 'alice' });
      return reply.send(Buffer.alloc(5000));
    });

    await probe.ask({ path: '/probe/user/token/s3cret?x=s3cret', headers: { 'x-request-id': 'logged-request', authorization: 'Bearer s3cret' } });

    const line = probe.lines().find((each) => each['requestId'] === 'logged-request');
    expect(line).toMatchObject({ level: 'info', msg: 'request', method: 'GET', status: 200, package: 'left-pad', principal: 'alice', path: '/probe/user/token/…' });
    expect(Number(line?.['bytesOut'])).toBeGreaterThan(5000);
    expect(JSON.stringify(probe.lines())).not.toContain('s3cret');
    expect((await metrics.text()).body).toContain('http_requests_total{ecosystem="alpha",route="/probe/*",status="200"}');
  });

  it('does not log a client that leaves during an upload as an error', async () => {
    let failed: unknown;
    probe.handle(async (request) => {
      for await (const _chunk of request.raw) {
        // Only its end counts here.
      }
      failed = 'no';
    });
    const before = probe.lines().filter((line) => line['level'] === 'error').length;

    const socket = connect(probe.port, '127.0.0.1');
    socket.write('POST /probe/x HTTP/1.1\r\nhost: x\r\nx-request-id: left-early\r\ncontent-length: 1000\r\n\r\nabc');
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.destroy();
    await expect.poll(() => probe.lines().find((line) => line['requestId'] === 'left-early')).toMatchObject({ level: 'info', brokenOff: true });

    expect(failed).toBeUndefined();
    expect(probe.lines().filter((line) => line['level'] === 'error')).toHaveLength(before);
  });

  it('has health routes', async () => {
    const [live, ready] = await Promise.all([probe.ask({ path: '/livez' }), probe.ask({ path: '/readyz' })]);

    expect([live.status, ready.status]).toEqual([200, 200]);
    expect(JSON.parse(ready.body.toString())).toEqual({ ready: true, status: 'ok', checks: {} });
  });
});

describe('a shutdown of the app', () => {
  it('lets a running answer finish, takes no more, and ends at once after it', async () => {
    const probe = await startProbeApp();
    const gate = Promise.withResolvers<void>();
    probe.handle(async (_request, reply) => {
      reply.hijack();
      reply.raw.writeHead(200, { 'content-length': '10' });
      reply.raw.write('12345');
      await gate.promise;
      reply.raw.end('67890');
    });
    const running = ask(probe.port, { path: '/probe/x', headers: { connection: 'keep-alive' } });
    const idle = connect(probe.port, '127.0.0.1').on('error', () => undefined);
    await new Promise((resolve) => setTimeout(resolve, 100));

    const closed = probe.close();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const refused = await ask(probe.port, { path: '/probe/x' }).then(() => 'taken', () => 'refused');
    gate.resolve();
    const answer = await running;
    const finished = Date.now();
    await closed;

    expect(refused).toBe('refused');
    expect(answer.body.toString()).toBe('1234567890');
    expect(Date.now() - finished).toBeLessThan(1000);
    idle.destroy();
  });

  it('lets a running answer over TLS finish too, and ends at once after it', async () => {
    const probe = await startProbeApp();
    const directory = await temporaryDirectory('drain');
    const server = appServers(probe.app).tls(probe.app.getHttpAdapter().getInstance().routing, await selfMadeTls(directory, ['127.0.0.1']));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const gate = Promise.withResolvers<void>();
    probe.handle(async (_request, reply) => {
      reply.hijack();
      reply.raw.writeHead(200, { 'content-length': '10' });
      reply.raw.write('12345');
      await gate.promise;
      reply.raw.end('67890');
    });
    const socket = connectTls({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', rejectUnauthorized: false });
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    socket.write('GET /probe/x HTTP/1.1\r\nhost: x\r\n\r\n');
    await expect.poll(() => received).toContain('12345');

    const closed = probe.close().then(() => 'closed');
    const early = await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 300, 'waits'))]);
    gate.resolve();
    await expect.poll(() => received).toContain('1234567890');
    const finished = Date.now();
    await closed;
    await rm(directory, { recursive: true });

    expect(early).toBe('waits');
    expect(Date.now() - finished).toBeLessThan(1000);
  });

  it('cuts what still runs at the deadline', async () => {
    const probe = await startProbeApp({ drainDeadlineMs: 300 });
    probe.handle((_request, reply) => {
      reply.hijack();
      reply.raw.writeHead(200, { 'content-length': '10' });
      reply.raw.write('12345');
    });
    const running = ask(probe.port, { path: '/probe/x' });
    await new Promise((resolve) => setTimeout(resolve, 100));

    await probe.close();

    expect((await running).brokenOff).toBe(true);
  });
});
