import type { ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';

import { eventually, type ScriptedRequest, type ScriptedServer, startScriptedServer } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { digestOf } from '../model/digest.ts';
import type { ByteRange, Repository } from '../ports/repository.ts';
import { RemoteRegistry, type RemoteRegistryOptions } from './remote-registry.ts';

const BYTES = Buffer.from(Array.from({ length: 400_000 }, (_, index) => (index * 7 + (index >> 8)) % 251));
const DIGEST = digestOf(BYTES);

let server: ScriptedServer;
let registry: RemoteRegistry;

beforeEach(async () => {
  server = await startScriptedServer();
  registry = connect();
});

afterEach(async () => {
  await registry.close();
  await server.stop();
});

function connect(options: Partial<RemoteRegistryOptions> = {}): RemoteRegistry {
  return new RemoteRegistry({ url: server.url, retry: { attempts: 3, baseMs: 2 }, ...options });
}

function repository(): Repository {
  return registry.repository('a');
}

async function read(range?: ByteRange): Promise<Buffer | null> {
  const body = await repository().readBlob(DIGEST, { range });
  return body === null ? null : buffer(body.stream);
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'none',
    (error: { code: string }) => error.code,
  );
}

interface Behaviour {
  /** Bytes after which each body breaks off. */
  readonly breakAfter?: number;
  readonly ranges?: boolean;
  readonly bytes?: Buffer;
  readonly chunked?: boolean;
}

function serve(behaviour: Behaviour): void {
  const bytes = behaviour.bytes ?? BYTES;
  server.answer(async (request, response) => {
    const [start, end] = behaviour.ranges === false ? [0, bytes.length - 1] : rangeOf(request, bytes.length);
    const part = bytes.subarray(start, end + 1);
    const partial = request.headers.range !== undefined && behaviour.ranges !== false;
    response.writeHead(partial ? 206 : 200, {
      ...(behaviour.chunked === true && request.method === 'GET' ? {} : { 'content-length': part.length }),
      ...(partial ? { 'content-range': `bytes ${start}-${end}/${bytes.length}` } : {}),
    });
    await send(request, response, part, behaviour.breakAfter);
  });
}

async function send(request: ScriptedRequest, response: ServerResponse, part: Buffer, breakAfter: number | undefined): Promise<void> {
  if (request.method === 'HEAD' || breakAfter === undefined || breakAfter >= part.length) {
    response.end(request.method === 'HEAD' ? undefined : part);
    return;
  }
  response.write(part.subarray(0, breakAfter));
  await new Promise((resolve) => setTimeout(resolve, 30));
  response.destroy();
}

function rangeOf(request: ScriptedRequest, size: number): readonly [number, number] {
  const match = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  return match === null ? [0, size - 1] : [Number(match[1]), match[2] === '' ? size - 1 : Math.min(size - 1, Number(match[2]))];
}

describe('readBlob', () => {
  it.each<[string, Behaviour]>([
    ['whole', {}],
    ['without a stated length', { chunked: true }],
    ['from a body that breaks off, with ranges', { breakAfter: 150_000 }],
  ])('reads %s', async (_name, behaviour) => {
    serve(behaviour);

    expect((await read())?.equals(BYTES)).toBe(true);
  });

  it('continues where it broke, not from the start', async () => {
    serve({ breakAfter: 150_000 });

    await read();

    expect(server.requests.map((request) => request.headers.range)).toEqual([undefined, 'bytes=150000-', 'bytes=300000-']);
  });

  it('reads all again and skips when the registry knows no ranges', async () => {
    let answers = 0;
    serve({ ranges: false });
    const whole = server;
    const restart = async (request: ScriptedRequest, response: ServerResponse): Promise<void> => {
      answers += 1;
      response.writeHead(200, { 'content-length': BYTES.length });
      await send(request, response, BYTES, answers === 1 ? 200_000 : undefined);
    };
    whole.answer(restart);

    expect((await read())?.equals(BYTES)).toBe(true);
    expect(answers).toBe(2);
  });

  it.each<[string, Behaviour, ByteRange]>([
    ['by a registry with ranges', {}, { start: 10, end: 19 }],
    ['cut from a whole body', { ranges: false }, { start: 100_000, end: 299_999 }],
    ['across a break', { breakAfter: 90_000 }, { start: 5, end: 200_000 }],
    ['to the last byte', {}, { start: 399_999, end: 399_999 }],
    ['of all', {}, { start: 0, end: 399_999 }],
  ])('reads a part %s', async (_name, behaviour, range) => {
    serve(behaviour);

    expect((await read(range))?.equals(BYTES.subarray(range.start, range.end + 1))).toBe(true);
  });

  it.each<[string, ByteRange]>([
    ['beyond the end', { start: 0, end: 400_000 }],
    ['outside', { start: 500_000, end: 500_001 }],
    ['backwards', { start: 5, end: 4 }],
    ['negative', { start: -1, end: 4 }],
  ])('refuses a part that is %s', async (_name, range) => {
    server.answer((request, response) => {
      const [start] = rangeOf(request, BYTES.length);
      response.writeHead(start < BYTES.length ? 206 : 416, { 'content-range': `bytes ${start}-${BYTES.length - 1}/${BYTES.length}` }).end();
    });

    expect(await codeOf(read(range))).toBe('range-not-satisfiable');
  });

  it('refuses another part than the one asked for', async () => {
    server.answer((_request, response) => void response.writeHead(206, { 'content-range': 'bytes 0-9/400000' }).end(BYTES.subarray(0, 10)));

    expect(await codeOf(read({ start: 10, end: 19 }))).toBe('storage-unavailable');
  });

  it.each<[string, Buffer]>([
    ['one wrong byte', Buffer.concat([BYTES.subarray(0, 10), Buffer.from([255]), BYTES.subarray(11)])],
    ['a shorter blob', BYTES.subarray(0, 300_000)],
    ['a longer blob', Buffer.concat([BYTES, Buffer.from('x')])],
  ])('fails at the end of %s, and holds the last piece back', async (_name, bytes) => {
    serve({ bytes });
    const body = await repository().readBlob(DIGEST);
    let received = 0;
    body?.stream.on('data', (chunk: Buffer) => (received += chunk.length));

    const code = await codeOf(new Promise((resolve, reject) => body?.stream.once('end', resolve).once('error', reject)));

    expect(code).toBe('integrity');
    expect(received).toBeLessThan(bytes.length);
  });

  it('gives up when nothing more comes', async () => {
    let answers = 0;
    server.answer(async (request, response) => {
      answers += 1;
      response.writeHead(200, { 'content-length': BYTES.length });
      await send(request, response, BYTES, 100);
    });

    expect(await codeOf(read())).toBe('storage-unavailable');
    expect(answers).toBe(4);
  });

  it('breaks off a body that stalls', async () => {
    await registry.close();
    registry = connect({ timeouts: { bodyIdleMs: 300 }, retry: { attempts: 1, baseMs: 1 } });
    server.answer((_request, response) => void response.writeHead(200, { 'content-length': BYTES.length }).write('x'));

    expect(await codeOf(read())).toBe('storage-unavailable');
  });

  it('ends the request, and gives its place back, when the reader goes away before it read anything', async () => {
    let gone = 0;
    server.answer((_request, response) => {
      response.once('close', () => (gone += 1));
      response.writeHead(200, { 'content-length': BYTES.length }).write('x');
    });
    const target = repository();

    // More often than there are places for open bodies.
    for (let time = 0; time < 140; time += 1) {
      const body = await target.readBlob(DIGEST);
      body?.stream.destroy();
    }

    await eventually('all requests end', async () => Promise.resolve(gone === 140), 5_000);
  });

  it('ends the request when the reader goes away', async () => {
    const gone = Promise.withResolvers<void>();
    server.answer((_request, response) => {
      response.once('close', gone.resolve);
      response.writeHead(200, { 'content-length': BYTES.length }).write('x');
    });

    const body = await repository().readBlob(DIGEST);
    // By then it waits for more, where a generator cannot be stopped from outside.
    await new Promise((resolve) => setTimeout(resolve, 50));
    body?.stream.destroy();

    await expect(gone.promise).resolves.toBeUndefined();
  });

  it('fails the body when the caller gives up', async () => {
    server.answer((_request, response) => void response.writeHead(200, { 'content-length': BYTES.length }).write(BYTES.subarray(0, 100_000)));
    const controller = new AbortController();
    const body = await repository().readBlob(DIGEST, { signal: controller.signal });

    const outcome = codeOf(body === null ? Promise.resolve() : buffer(body.stream));
    controller.abort();

    expect(await outcome).toBe('aborted');
  });

  it('is null for what is not there, however it is asked', async () => {
    server.answer((_request, response) => void response.writeHead(404, { 'docker-distribution-api-version': 'registry/2.0' }).end());

    expect([await read(), await read({ start: 0, end: 0 }), await repository().statBlob(DIGEST)]).toEqual([null, null, null]);
  });

  it('learns the size by a read where HEAD is refused by the store behind', async () => {
    const store = await startScriptedServer((request, response) => {
      const get = request.method === 'GET';
      response.writeHead(get ? 206 : 403, get ? { 'content-range': 'bytes 0-0/400000', 'content-length': 1 } : {}).end(get ? 'x' : undefined);
    });
    server.answer((_request, response) => void response.writeHead(307, { location: store.url }).end());

    expect(await repository().statBlob(DIGEST)).toBe(400_000);
    await store.stop();
  });
});
