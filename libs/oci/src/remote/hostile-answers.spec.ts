import { buffer } from 'node:stream/consumers';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';

import type { ScriptedRequest } from '@oci-package-proxy/testing';
import { describe, expect, it } from 'vitest';

import { digestOf } from '../model/digest.ts';
import { INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE } from '../model/manifest.ts';
import type { Repository } from '../ports/repository.ts';
import { blob, BYTES, contentOf, expectNamed, hostile, type HostileRegistry, manifest, SECRET, tagsOf, useHostileRegistry } from './hostile.contract.ts';

const MANIFEST = manifest({ v: '1' });
const ANOTHER = Buffer.from('a file that is not there yet');

/** Every operation of a repository, with the name that its error texts give it. */
const OPERATIONS: readonly (readonly [name: string, text: string, run: (repository: Repository) => Promise<unknown>])[] = [
  ['reading a manifest', 'reading manifest 1.0.0', async (repository) => repository.readManifest('1.0.0')],
  ['looking up a manifest', 'looking up manifest 1.0.0', async (repository) => repository.statManifest('1.0.0')],
  ['reading a blob', 'reading blob sha256:', async (repository) => contentOf(repository, BYTES)],
  ['looking up a blob', 'looking up blob sha256:', async (repository) => repository.statBlob(digestOf(BYTES))],
  ['listing tags', 'listing tags', async (repository) => tagsOf(repository)],
  ['writing a manifest', 'writing manifest 1.0.0', async (repository) => repository.writeManifest(MANIFEST, { tag: '1.0.0' })],
  ['writing a blob', 'looking up blob sha256:', async (repository) => repository.writeBlob(blob(ANOTHER))],
];

async function stored(registry: HostileRegistry): Promise<Repository> {
  const repository = registry.repository();
  await repository.writeBlob(blob(BYTES));
  await repository.writeManifest(MANIFEST, { tag: '1.0.0' });
  return repository;
}

/** Answers the first `times` requests that fit with `status`. */
function burst(registry: HostileRegistry, times: number, options: { status: number; headers?: Record<string, string>; only?: (request: ScriptedRequest) => boolean }): () => number {
  let seen = 0;
  registry.misbehave((request, response) => {
    if (options.only?.(request) === false) {
      return false;
    }
    seen += 1;
    return seen <= times && response.writeHead(options.status, options.headers).end(`{"errors":[{"code":"UNKNOWN","message":"${SECRET}"}]}`) !== undefined;
  });
  return () => seen;
}

describe('answers of a hostile registry', () => {
  useHostileRegistry();

  hostile('short body', 'of a blob is continued, and never passed off as whole', async (registry) => {
    const repository = await stored(registry);
    const bodies: string[] = [];
    registry.misbehave((request, response) => {
      if (request.method !== 'GET') {
        return false;
      }
      bodies.push(request.headers.range ?? 'whole');
      const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? 'bytes=0-')?.[1]);
      const rest = BYTES.subarray(start);
      const partial = start > 0 ? { 'content-range': `bytes ${start}-${BYTES.length - 1}/${BYTES.length}` } : {};
      response.writeHead(start > 0 ? 206 : 200, { 'content-length': rest.length, ...partial }).write(rest.subarray(0, 5), () => setTimeout(() => response.destroy(), 20));
      return true;
    });

    expect(await contentOf(repository, BYTES)).toEqual(BYTES);
    expect(bodies.slice(0, 2)).toEqual(['whole', 'bytes=5-']);
  });

  hostile('short body', 'that never gets further fails by name, with no byte of the last piece served', async (registry) => {
    const repository = await stored(registry);
    registry.misbehave((request, response) => request.method === 'GET' && response.writeHead(200, { 'content-length': BYTES.length }).write('x', () => setTimeout(() => response.destroy(), 5)) !== undefined);

    const body = await repository.readBlob(digestOf(BYTES));
    let served = 0;
    body?.stream.on('data', (chunk: Buffer) => (served += chunk.length));
    const error = await registry.failure(new Promise((resolve, reject) => body?.stream.once('end', resolve).once('error', reject)));

    expect([error.code, served]).toEqual(['storage-unavailable', 0]);
    expectNamed(error, 'reading blob sha256:');
  });

  for (const coding of ['announced', 'chunked'] as const) {
    hostile('short body', `of a manifest, ${coding}, is asked for again, then fails`, async (registry) => {
      const repository = await stored(registry);
      let answers = 0;
      registry.misbehave((request, response) => {
        if (request.method !== 'GET') {
          return false;
        }
        answers += 1;
        const part = MANIFEST.bytes.subarray(0, 20);
        response.writeHead(200, coding === 'announced' ? { 'content-length': MANIFEST.bytes.length } : {});
        return coding === 'announced' ? response.write(part, () => response.destroy()) !== undefined : response.end(part) !== undefined;
      });

      const error = await registry.failure(repository.readManifest('1.0.0'));

      expect([error.code, answers]).toEqual(['storage-unavailable', 3]);
      expectNamed(error, 'reading manifest 1.0.0');
    });
  }

  hostile('wrong digest', 'of a blob, a manifest and what was stored is never taken', async (registry) => {
    const repository = await stored(registry);
    const other = Buffer.from('other bytes of file');
    registry.misbehave((request, response) => {
      const answer = request.method === 'PUT' ? null : other;
      response.writeHead(request.method === 'PUT' ? 201 : 200, { 'content-length': answer?.length ?? 0, 'docker-content-digest': digestOf('of neither') });
      return response.end(request.method === 'HEAD' ? undefined : (answer ?? undefined)) !== undefined;
    });

    const failures = [
      await registry.failure(contentOf(repository, BYTES)),
      await registry.failure(repository.readManifest('1.0.0')),
      await registry.failure(repository.readManifest(MANIFEST.digest)),
      await registry.failure(repository.writeManifest(MANIFEST, { tag: '2.0.0' })),
    ];

    expect(failures.map(({ code }) => code)).toEqual(['integrity', 'integrity', 'integrity', 'integrity']);
    expect(failures.map(({ message }) => /team\/pkg\/a/.test(message) && /the registry/.test(message))).toEqual([true, true, true, true]);
  });

  hostile('wrong digest', 'reported for an upload fails it', async (registry) => {
    registry.misbehave((request, response) => request.method === 'PUT' && response.writeHead(201, { 'docker-content-digest': digestOf('other') }).end() !== undefined);

    const error = await registry.failure(registry.repository().writeBlob(blob(BYTES)));

    expect(error.code).toBe('integrity');
    expectNamed(error, 'uploading sha256:');
  });

  for (const [type, mediaType] of [['text/html', MANIFEST_MEDIA_TYPE], ['application/octet-stream', MANIFEST_MEDIA_TYPE], [INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE], ['', MANIFEST_MEDIA_TYPE]] as const) {
    hostile('wrong Content-Type', `${type === '' ? 'none' : type}: what the manifest says of itself counts`, async (registry) => {
      const repository = await stored(registry);
      registry.misbehave((request, response) => request.method === 'GET' && response.writeHead(200, type === '' ? {} : { 'content-type': type }).end(MANIFEST.bytes) !== undefined);

      expect(await repository.readManifest('1.0.0')).toEqual({ ...MANIFEST, mediaType });
    });
  }

  hostile('wrong Content-Type', 'of a page with status 200 is no manifest, no list and no blob', async (registry) => {
    const repository = await stored(registry);
    registry.misbehave((request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(request.method === 'HEAD' ? undefined : `<html>${SECRET}</html>`) !== undefined);

    const failures = [await registry.failure(repository.readManifest('1.0.0')), await registry.failure(repository.statManifest('1.0.0')), await registry.failure(tagsOf(repository)), await registry.failure(contentOf(repository, BYTES))];

    expect(failures.map(({ code }) => code)).toEqual(['storage-unavailable', 'storage-unavailable', 'storage-unavailable', 'storage-unavailable']);
    expect(failures[0]?.message).toContain('is the storage URL that of a registry?');
  });

  for (const [name, _text, run] of OPERATIONS) {
    hostile('429 without Retry-After', `${name} waits and goes on`, async (registry) => {
      const repository = await stored(registry);
      const seen = burst(registry, 2, { status: 429 });

      await run(repository);

      expect(seen()).toBeGreaterThan(2);
    });
  }

  hostile('429 with Retry-After in seconds', 'is waited for', async (registry) => {
    const repository = await stored(registry);
    burst(registry, 1, { status: 429, headers: { 'retry-after': '1' } });
    const started = performance.now();

    expect(await repository.readManifest('1.0.0')).toEqual(MANIFEST);
    expect(performance.now() - started).toBeGreaterThan(990);
  });

  hostile('429 with Retry-After as a date', 'is waited for', async (registry) => {
    const repository = await stored(registry);
    const at = Math.ceil(Date.now() / 1000) * 1000 + 1000;
    burst(registry, 1, { status: 429, headers: { 'retry-after': new Date(at).toUTCString() } });

    expect(await repository.readManifest('1.0.0')).toEqual(MANIFEST);
    expect(Date.now()).toBeGreaterThanOrEqual(at);
  });

  hostile('429 with a Retry-After that is too long', 'is handed on at once, with what the registry said', async (registry) => {
    const repository = await stored(registry);
    const seen = burst(registry, 100, { status: 429, headers: { 'retry-after': '3600' } });

    const error = await registry.failure(repository.readManifest('1.0.0'));

    expect(error).toMatchObject({ code: 'storage-unavailable', retryAfterMs: 60_000 });
    expect(error.message).toMatch(/answered 429 .* limits how often it is asked/);
    expect(seen()).toBe(1);
  });

  for (const [name, text, run] of OPERATIONS.filter(([operation]) => !operation.startsWith('writing a manifest'))) {
    hostile('404 of a gateway', `${name} is a failure, and what is stored is not taken for missing`, async (registry) => {
      const repository = await stored(registry);
      registry.misbehave((_request, response) => response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>no route</h1>') !== undefined);

      const error = await registry.failure(run(repository));

      expect(error.code).toBe(name === 'writing a blob' ? 'storage-denied' : 'storage-unavailable');
      expectNamed(error, name === 'writing a blob' ? 'beginning the upload' : text);
    });
  }

  hostile('404 of a gateway', 'is believed when the registry is there behind it', async (registry) => {
    const repository = await stored(registry);
    registry.misbehave((request, response) => request.url !== '/v2/' && response.writeHead(404).end() !== undefined);

    expect(await Promise.all([repository.readManifest('1.0.0'), repository.statManifest('1.0.0'), repository.statBlob(digestOf(BYTES)), contentOf(repository, BYTES), tagsOf(repository)])).toEqual([null, null, null, null, []]);
    // Those that doubt at the same time ask once.
    expect(registry.sent().filter((request) => request === 'GET /v2/').length).toBeLessThan(5);
  });

  hostile('404 of a gateway', 'is believed of a registry that wants a token for its base and gives us none', async (registry) => {
    const repository = await stored(registry);
    const asksForToken = { 'www-authenticate': `Bearer realm="${registry.server.url}/token"` };
    registry.misbehave((request, response) => {
      if (request.url === '/v2/') {
        return response.writeHead(401, asksForToken).end() !== undefined;
      }
      return response.writeHead(request.url.startsWith('/token') ? 403 : 404).end() !== undefined;
    });

    expect(await repository.readManifest('1.0.0')).toBeNull();
  });

  for (const [name, text, run] of OPERATIONS.slice(0, 5)) {
    hostile('409 and 412 where no tag is put', `${name}: a policy is no conflict`, async (registry) => {
      const repository = await stored(registry);
      registry.misbehave((_request, response) => response.writeHead(412).end('{"errors":[{"code":"PROJECTPOLICYVIOLATION"}]}') !== undefined);

      const error = await registry.failure(run(repository));

      expect(error.code).toBe('storage-denied');
      expect(error.message).toMatch(/412.*a rule of the registry forbids it/);
      expectNamed(error, text);
    });
  }

  hostile('409 and 412 where no tag is put', 'an upload that meets another one is tried again', async (registry) => {
    const repository = registry.repository();
    const seen = burst(registry, 1, { status: 409, only: ({ method }) => method === 'POST' });

    await repository.writeBlob(blob(BYTES));

    expect(seen()).toBe(2);
    expect(await contentOf(repository, BYTES)).toEqual(BYTES);
  });

  hostile('4xx for good', 'to an upload is not sent again', async (registry) => {
    const repository = registry.repository();
    const seen = burst(registry, 100, { status: 400, only: ({ method }) => method === 'PUT' });

    const error = await registry.failure(repository.writeBlob(blob(BYTES)));

    expect(error.code).toBe('unsupported');
    expect(error.message).toMatch(/refuses it \(400 UNKNOWN\), and would again/);
    expect(seen()).toBe(1);
  });

  hostile('429 with Retry-After in seconds', 'of garbage does no harm, and what lasts is passed on', async (registry) => {
    const repository = await stored(registry);
    burst(registry, 1, { status: 429, headers: { 'retry-after': 'soon' } });
    expect(await repository.readManifest('1.0.0')).toEqual(MANIFEST);

    burst(registry, 100, { status: 429, headers: { 'retry-after': '0.05' } });
    const error = await registry.failure(repository.readManifest('1.0.0'));

    expect(error).toMatchObject({ code: 'storage-unavailable', retryAfterMs: 50 });
    expectNamed(error, 'reading manifest 1.0.0');
  });

  for (const status of [500, 502, 503, 504]) {
    hostile('5xx bursts', `of ${status}: every operation outlives two, and loses nothing`, async (registry) => {
      const repository = await stored(registry);
      for (const [, , run] of OPERATIONS) {
        const seen = burst(registry, 2, { status });
        await run(repository);
        expect(seen()).toBeGreaterThan(2);
      }

      expect(registry.server.tags.get('team/pkg/a:1.0.0')).toBe(MANIFEST.digest);
      expect([await contentOf(repository, BYTES), await contentOf(repository, ANOTHER)]).toEqual([BYTES, ANOTHER]);
    });
  }

  for (const [name, text, run] of OPERATIONS) {
    hostile('5xx bursts', `that last fail ${name} by name`, async (registry) => {
      burst(registry, 100, { status: 503 });

      const error = await registry.failure(run(registry.repository()));

      expect(error.code).toBe('storage-unavailable');
      expectNamed(error, text);
      expect(registry.sent()).toHaveLength(3);
    });
  }

  for (const step of ['POST', 'PUT'] as const) {
    hostile('5xx bursts', `at the ${step} of an upload begin it anew`, async (registry) => {
      burst(registry, 2, { status: 502, only: (request) => request.method === step });

      await registry.repository().writeBlob(blob(BYTES));

      expect(registry.server.contents.has(`team/pkg/a@${digestOf(BYTES)}`)).toBe(true);
    });
  }

  for (const [name, text, run] of OPERATIONS) {
    hostile('hanging connections', `end ${name} after the time limit, by name`, async (registry) => {
      registry.misbehave(() => true);

      const error = await registry.failure(run(registry.repository({ timeouts: { headersMs: 300, bodyIdleMs: 300 }, retry: { attempts: 1, baseMs: 1 } })));

      expect(error.code).toBe('storage-unavailable');
      expectNamed(error, text);
    });
  }

  hostile('hanging connections', 'in the middle of a body, and at the PUT of an upload', async (registry) => {
    const slow = registry.repository({ timeouts: { bodyIdleMs: 300, uploadMs: 300 }, retry: { attempts: 1, baseMs: 1 } });
    registry.misbehave((request, response) => {
      if (request.method === 'GET') {
        response.writeHead(200, { 'content-length': BYTES.length }).write('t');
      }
      return request.method === 'GET' || request.method === 'PUT';
    });

    expectNamed(await registry.failure(contentOf(slow, BYTES)), 'reading blob sha256:');
    expectNamed(await registry.failure(slow.writeBlob(blob(BYTES))), 'uploading sha256:');
  });

  hostile('hanging connections', 'that take no byte of a large upload', async (registry) => {
    const slow = registry.repository({ timeouts: { uploadMs: 500 }, retry: { attempts: 1, baseMs: 1 } });
    // The head is read, the body never.
    registry.server.answerEarly((request) => request.method === 'PUT');

    expectNamed(await registry.failure(slow.writeBlob(blob(Buffer.alloc(20_000_000, 1)))), 'uploading sha256:');
  });

  hostile('a manifest over 4 MiB', 'is not read, announced or not, and never buffered whole', async (registry) => {
    const repository = await stored(registry);
    for (const length of [{ 'content-length': 64 * 2 ** 20 }, {}]) {
      let written = 0;
      registry.misbehave((request, response) => {
        if (request.method !== 'GET') {
          return false;
        }
        response.writeHead(200, length);
        const more = (): void => {
          while (written < 64 * 2 ** 20 && !response.destroyed) {
            written += 65_536;
            if (!response.write(Buffer.alloc(65_536, 32))) {
              response.once('drain', more);
              return;
            }
          }
        };
        more();
        return true;
      });

      const error = await registry.failure(repository.readManifest('1.0.0'));

      expect(error.code).toBe('too-large');
      expectNamed(error, 'reading manifest 1.0.0');
      expect(written).toBeLessThan(32 * 2 ** 20);
    }
  });

  for (const [coding, code] of [['gzip', gzipSync], ['deflate', deflateSync], ['br', brotliCompressSync]] as const) {
    hostile('gzip-coded answers', `(${coding}): manifests and lists are decoded`, async (registry) => {
      const repository = await stored(registry);
      registry.misbehave((request, response) => {
        const body = request.url.includes('tags/list') ? Buffer.from('{"tags":["1.0.0"]}') : MANIFEST.bytes;
        return request.method === 'GET' && response.writeHead(200, { 'content-encoding': coding }).end(code(body)) !== undefined;
      });

      expect(await repository.readManifest('1.0.0')).toEqual(MANIFEST);
      expect(await tagsOf(repository)).toEqual(['1.0.0']);
    });
  }

  hostile('gzip-coded answers', 'of blobs are never taken for the blob, nor a part of one', async (registry) => {
    const repository = await stored(registry);
    const coded = gzipSync(BYTES);
    registry.misbehave((request, response) => {
      const partial = request.headers.range !== undefined;
      response.writeHead(partial ? 206 : 200, { 'content-encoding': 'gzip', 'content-length': coded.length, ...(partial ? { 'content-range': `bytes 0-${coded.length - 1}/${coded.length}` } : {}) });
      return response.end(request.method === 'HEAD' ? undefined : coded) !== undefined;
    });

    const whole = await registry.failure(contentOf(repository, BYTES));
    const part = await registry.failure(repository.readBlob(digestOf(BYTES), { range: { start: 0, end: 5 } }).then(async (body) => (body === null ? null : buffer(body.stream))));
    const size = await registry.failure(repository.statBlob(digestOf(BYTES)));

    expect(whole.code).toBe('integrity');
    expect(whole.message).toContain('of team/pkg/a, as the registry sent it in a coding that was not asked for,');
    expect([part, size].map(({ code }) => code)).toEqual(['storage-unavailable', 'storage-unavailable']);
    expectNamed(part, 'reading blob sha256:');
    expect(size.message).toContain('switch compression off in what stands before the registry');
  });

  hostile('gzip-coded answers', 'that are a bomb, broken, or of no known coding are refused', async (registry) => {
    const repository = await stored(registry);
    for (const [coding, bytes, code] of [['gzip', gzipSync(Buffer.alloc(5 * 2 ** 20, 32)), 'too-large'], ['gzip', Buffer.from('no gzip'), 'storage-unavailable'], ['x\u0020y', BYTES, 'storage-unavailable']] as const) {
      registry.misbehave((request, response) => request.method === 'GET' && response.writeHead(200, { 'content-encoding': coding }).end(bytes) !== undefined);

      const error = await registry.failure(repository.readManifest('1.0.0'));

      expect(error.code).toBe(code);
      expectNamed(error, 'reading manifest 1.0.0');
    }
  });

  hostile('Warning headers', 'are reported once, change nothing, and show no signature of a URL', async (registry) => {
    const repository = await stored(registry);
    registry.misbehave((_request, response) => {
      response.setHeader('warning', [`299 - "see https://user:${SECRET}@docs.example.com/x?signature=${SECRET}&more, soon"`, '199 - "ignored"', 'garbage']);
      return false;
    });

    expect(await repository.readManifest('1.0.0')).toEqual(MANIFEST);
    expect(await repository.readManifest('1.0.0')).toEqual(MANIFEST);
    expect(registry.warnings).toEqual(['see https://docs.example.com/x?… soon']);
  });

  it('names every operation once', () => {
    expect(new Set(OPERATIONS.map(([name]) => name)).size).toBe(OPERATIONS.length);
  });
});
