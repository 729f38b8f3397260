import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import { eventually, type RunningRegistry, type ScriptedRegistry, type ScriptedRequest, startDockerRegistry, startScriptedRegistry, startTokenAuthProxy } from '@oci-package-proxy/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { digestOf } from '../model/digest.ts';
import type { BlobSource } from '../ports/repository.ts';
import { registryProfile } from './profile/known-products.ts';
import { RemoteRegistry } from './remote-registry.ts';

const CHUNK = 100_000;
const BYTES = randomBytes(250_000);
const UPLOADS = '/v2/pkg/a/blobs/uploads/';

let opened: RemoteRegistry[] = [];

afterEach(async () => {
  await Promise.all(opened.map((registry) => registry.close()));
  opened = [];
});

function connect(url: string, uploadChunkBytes: number | null = CHUNK): RemoteRegistry {
  const registry = new RemoteRegistry({ url, retry: { attempts: 3, baseMs: 5 }, profile: registryProfile({ overrides: { uploadChunkBytes, chunkedUploads: true } }) });
  opened.push(registry);
  return registry;
}

function source(given: Buffer, promised: Buffer = given): BlobSource & { readonly opened: () => number } {
  let times = 0;
  const open = (): Readable => {
    times += 1;
    return Readable.from([given.subarray(0, 70_001), given.subarray(70_001)], { objectMode: false });
  };
  return { digest: digestOf(promised), size: promised.length, open, opened: () => times };
}

/** A registry's sessions, as the specification has them; `answer` may answer a PATCH in another way, and says what of it was kept. */
class Sessions {
  readonly stored = new Map<string, Buffer>();
  readonly #sessions = new Map<string, Buffer>();
  readonly #server: ScriptedRegistry;
  minimum: number | null = null;
  steps = 0;
  answer: (request: ScriptedRequest, response: ServerResponse, have: Buffer) => Buffer | null = () => null;

  constructor(server: ScriptedRegistry) {
    this.#server = server;
    server.intercept((request, response) => this.#serve(request, response));
  }

  get open(): readonly string[] {
    return [...this.#sessions.keys()];
  }

  /** The method, what was said of its place, and the length of the body. */
  sent(method: string): readonly (readonly [string | undefined, number])[] {
    return this.#server.requests.filter((request) => request.method === method).map(({ headers, body }) => [headers['content-range'], body.length]);
  }

  #serve(request: ScriptedRequest, response: ServerResponse): boolean {
    const [path = '', query = ''] = request.url.split('?');
    const id = path.slice(UPLOADS.length).split('.')[0] ?? '';
    if (!path.startsWith(UPLOADS)) {
      return false;
    }
    this.steps += 1;
    const location = (of: string): Record<string, string> => ({ location: `${UPLOADS}${of}.${this.steps}?_state=${this.steps}` });
    if (request.method === 'POST') {
      const fresh = `s${this.steps}`;
      this.#sessions.set(fresh, Buffer.alloc(0));
      response.writeHead(202, { ...location(fresh), ...(this.minimum === null ? {} : { 'oci-chunk-min-length': String(this.minimum) }) }).end();
      return true;
    }
    const have = this.#sessions.get(id);
    if (have === undefined || !query.includes(`_state=${this.steps - 1}`)) {
      response.writeHead(404).end('{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}');
      return true;
    }
    if (request.method === 'DELETE') {
      this.#sessions.delete(id);
      response.writeHead(204).end();
    } else if (request.method === 'PATCH') {
      this.#patch(request, response, { id, have, headers: location(id) });
    } else {
      this.#finish(request, response, { id, have, digest: new URLSearchParams(query).get('digest') ?? '' });
    }
    return true;
  }

  #patch(request: ScriptedRequest, response: ServerResponse, { id, have, headers }: { id: string; have: Buffer; headers: Record<string, string> }): void {
    const other = this.answer(request, response, have);
    const after = other ?? Buffer.concat([have, request.body]);
    this.#sessions.set(id, after);
    if (!response.headersSent) {
      const wrong = other === null && request.headers['content-range'] !== `${have.length}-${after.length - 1}`;
      response.writeHead(wrong ? 416 : 202, { ...headers, range: `0-${after.length - 1}` }).end();
    }
  }

  #finish(request: ScriptedRequest, response: ServerResponse, { id, have, digest }: { id: string; have: Buffer; digest: string }): void {
    const whole = Buffer.concat([have, request.body]);
    this.#sessions.delete(id);
    if (digestOf(whole) !== digest) {
      response.writeHead(400).end('{"errors":[{"code":"DIGEST_INVALID"}]}');
      return;
    }
    this.stored.set(digest, whole);
    this.#server.contents.set(`pkg/a@${digest}`, { type: 'application/octet-stream', bytes: whole });
    response.writeHead(201).end();
  }
}

describe('an upload in chunks', () => {
  let server: ScriptedRegistry;
  let sessions: Sessions;

  beforeEach(async () => {
    server = await startScriptedRegistry();
    sessions = new Sessions(server);
  });
  afterEach(async () => server.stop());

  async function write(blob: BlobSource, signal?: AbortSignal): Promise<void> {
    await connect(server.url).repository('pkg/a').writeBlob(blob, signal === undefined ? {} : { signal });
  }

  function isStored(): boolean {
    return sessions.stored.get(digestOf(BYTES))?.equals(BYTES) === true;
  }

  it('goes piece by piece, each to the location that the one before named', async () => {
    const blob = source(BYTES);

    await write(blob);

    expect(sessions.sent('PATCH')).toEqual([['0-99999', 100_000], ['100000-199999', 100_000], ['200000-249999', 50_000]]);
    expect(sessions.sent('PUT')).toEqual([[undefined, 0]]);
    expect([isStored(), sessions.open, blob.opened()]).toEqual([true, [], 1]);
  });

  it.each([[CHUNK, 'PUT'], [CHUNK + 1, 'PATCH']])('is for what is larger than a chunk: %i bytes go by %s', async (size, method) => {
    await write(source(BYTES.subarray(0, size)));

    expect(server.requests.some((request) => request.method === 'PATCH')).toBe(method === 'PATCH');
    expect(sessions.stored.size).toBe(1);
  });

  it('takes larger pieces where the registry wants that', async () => {
    sessions.minimum = 240_000;

    await write(source(BYTES));

    expect(sessions.sent('PATCH')).toEqual([['0-239999', 240_000], ['240000-249999', 10_000]]);
    expect(isStored()).toBe(true);
  });

  it.each([[200], [201], [202], [204]])('goes on after a %i, with or without a Range', async (status) => {
    sessions.answer = (request, response, have) => {
      const after = Buffer.concat([have, request.body]);
      const id = request.url.slice(UPLOADS.length).split('.')[0] ?? '';
      response.writeHead(status, { location: `${UPLOADS}${id}.${sessions.steps}?_state=${sessions.steps}`, ...(status === 201 ? {} : { range: `bytes=0-${after.length - 1}` }) }).end();
      return after;
    };

    await write(source(BYTES));

    expect(isStored()).toBe(true);
  });

  it('goes on from where a registry stopped taking, reading the source again', async () => {
    sessions.answer = (request, _response, have) => (have.length === 100_000 ? Buffer.concat([have, request.body.subarray(0, 30_000)]) : null);
    const blob = source(BYTES);

    await write(blob);

    expect(sessions.sent('PATCH').map(([range]) => range)).toEqual(['0-99999', '100000-199999', '130000-229999', '230000-249999']);
    expect([isStored(), blob.opened()]).toEqual([true, 2]);
  });

  it('begins a new session where the registry takes nothing of a piece', async () => {
    let first = true;
    sessions.answer = (_request, _response, have) => {
      const nothing = first && have.length === 100_000;
      first &&= !nothing;
      return nothing ? have : null;
    };

    await write(source(BYTES));

    expect(sessions.sent('POST')).toHaveLength(2);
    expect(isStored()).toBe(true);
    await eventually('the first one is given up', async () => Promise.resolve(sessions.open.length <= 1));
  });

  it.each([[404], [416], [500]])('begins a new session after a %i', async (status) => {
    let failed = false;
    sessions.answer = (_request, response, have) => {
      const fail = !failed && have.length === 100_000;
      failed ||= fail;
      return fail ? (response.writeHead(status).end(), have) : null;
    };

    await write(source(BYTES));

    expect(sessions.sent('POST')).toHaveLength(2);
    expect(isStored()).toBe(true);
  });

  it('sends a piece again with a new token', async () => {
    let refused = 0;
    sessions.answer = (request, response, have) => {
      const old = have.length === 100_000 && request.headers.authorization === undefined && refused === 0;
      refused += old ? 1 : 0;
      // The step does not count: the location stays what it was.
      sessions.steps -= old ? 1 : 0;
      return old ? (response.writeHead(401, { 'www-authenticate': `Bearer realm="${server.url}/token"` }).end(), have) : null;
    };
    server.answerEarly((request, response) => request.url.startsWith('/token') && response.writeHead(200).end('{"token":"t"}') !== undefined);
    const blob = source(BYTES);

    await write(blob);

    expect([isStored(), refused, blob.opened(), sessions.sent('POST').length]).toEqual([true, 1, 2, 1]);
  });

  it.each<[string, Buffer]>([
    ['another last byte', Buffer.concat([BYTES.subarray(0, -1), Buffer.from([(BYTES.at(-1) ?? 0) ^ 1])])],
    ['too few bytes', BYTES.subarray(0, 249_999)],
    ['too many bytes', Buffer.concat([BYTES, Buffer.from('x')])],
  ])('of a source with %s is never ended, and is given up', async (_, given) => {
    await expect(write(source(given, BYTES))).rejects.toMatchObject({ code: 'integrity' });

    expect(sessions.sent('PUT')).toEqual([]);
    expect(sessions.stored.size).toBe(0);
    await eventually('it is given up', async () => Promise.resolve(sessions.open.length === 0));
  });

  it.each([[CHUNK], [null]])('is given up with its caller, in pieces of %s', async (chunk) => {
    const caller = new AbortController();
    const endless: BlobSource = {
      ...source(BYTES),
      open: () => Readable.from((async function* pieces() {
        yield BYTES.subarray(0, 150_000);
        caller.abort();
        await new Promise(() => undefined);
      })(), { objectMode: false }),
    };

    await expect(connect(server.url, chunk).repository('pkg/a').writeBlob(endless, { signal: caller.signal })).rejects.toMatchObject({ code: 'aborted' });

    await eventually('it is given up', async () => Promise.resolve(sessions.open.length === 0));
    expect(sessions.stored.size).toBe(0);
  });
});

describe('an upload in chunks to docker-registry', () => {
  let running: RunningRegistry;

  beforeAll(async () => {
    running = await startDockerRegistry();
  });
  afterAll(async () => running.stop());

  it.each([[1, 'open'], [99_999, 'open'], [100_000, 'open'], [100_001, 'open'], [3_000_001, 'open'], [250_000, 'Bearer']])('of %i bytes comes back as it went: %s', async (size, how) => {
    const proxy = await startTokenAuthProxy({ target: running.url });
    const bytes = randomBytes(size);
    const repository = connect(how === 'open' ? running.url : proxy.url).repository('pkg/a');

    await repository.writeBlob({ digest: digestOf(bytes), size, open: () => Readable.from([bytes], { objectMode: false }) });

    const body = await repository.readBlob(digestOf(bytes));
    expect((await buffer(body?.stream ?? expect.fail())).equals(bytes)).toBe(true);
    await proxy.stop();
  });
});
