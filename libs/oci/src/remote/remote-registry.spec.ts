import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import { type ScriptedRegistry, startScriptedRegistry, startScriptedServer } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { digestOf } from '../model/digest.ts';
import { MANIFEST_MEDIA_TYPE, type ManifestBytes } from '../model/manifest.ts';
import type { BlobSource, Repository, TagDeleter } from '../ports/repository.ts';
import { staticCredentials } from './auth/credentials.ts';
import { RemoteRegistry, type RemoteRegistryOptions } from './remote-registry.ts';

const BASIC = `Basic ${Buffer.from('user:hunter2').toString('base64')}`;

let server: ScriptedRegistry;
let opened: RemoteRegistry[];

beforeEach(async () => {
  server = await startScriptedRegistry();
  opened = [];
});

afterEach(async () => {
  await Promise.all(opened.map((registry) => registry.close()));
  await server.stop();
});

function connect(options: Partial<RemoteRegistryOptions> = {}): RemoteRegistry {
  const registry = new RemoteRegistry({ url: `${server.url}/team`, retry: { attempts: 3, baseMs: 5 }, ...options });
  opened.push(registry);
  return registry;
}

function repository(options: Partial<RemoteRegistryOptions> = {}): Repository & TagDeleter {
  return connect(options).repository('pkg/a');
}

function blob(bytes: Buffer, claim: Buffer = bytes): BlobSource {
  return { digest: digestOf(claim), size: claim.length, open: () => Readable.from([bytes]) };
}

function manifest(annotations: Record<string, string>): ManifestBytes {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST_MEDIA_TYPE, annotations }));
  return { mediaType: MANIFEST_MEDIA_TYPE, digest: digestOf(bytes), bytes };
}

function sent(method: string): readonly string[] {
  return server.requests.filter((request) => request.method === method).map((request) => request.url);
}

async function failure(work: Promise<unknown>): Promise<{ code: string; message: string; retryAfterMs?: number }> {
  return work.then(
    () => ({ code: 'none', message: '' }),
    (error: { code: string; message: string }) => error,
  );
}

describe('retries', () => {
  it('waits as long as Retry-After says, then succeeds', async () => {
    let refusals = 0;
    server.intercept((_request, response) => {
      refusals += 1;
      return refusals === 1 && response.writeHead(429, { 'retry-after': '0.2' }).end() !== undefined;
    });
    const started = performance.now();

    expect(await repository().statManifest('1.0.0')).toBeNull();

    expect(performance.now() - started).toBeGreaterThan(190);
    expect(refusals).toBe(2);
  });

  it.each([
    [429, 'storage-unavailable', 3],
    [503, 'storage-unavailable', 3],
    [403, 'storage-denied', 1],
    [418, 'storage-unavailable', 1],
  ])('of %i end in %s after %i requests', async (status, code, requests) => {
    server.intercept((_request, response) => response.writeHead(status, { 'retry-after': '0.01' }).end() !== undefined);

    const error = await failure(repository().readManifest('1.0.0'));

    expect(error).toMatchObject({ code, message: expect.stringMatching(/manifest 1\.0\.0 in team\/pkg\/a.*127\.0\.0\.1/) as string });
    expect(server.requests).toHaveLength(requests);
    expect(error.retryAfterMs).toBe(code === 'storage-unavailable' && requests > 0 ? 10 : undefined);
  });

  it('goes on after broken connections', async () => {
    let broken = 0;
    server.intercept((_request, response) => {
      broken += 1;
      return broken < 3 && response.destroy() !== undefined;
    });

    expect(await repository().readManifest('1.0.0')).toBeNull();
  });

  it('reports an unreachable registry', async () => {
    const target = repository();
    await server.stop();

    const error = await failure(target.readManifest('1.0.0'));

    expect(error).toMatchObject({ code: 'storage-unavailable', message: expect.stringContaining('ECONNREFUSED') as string });
  });

  it('takes a failure by its status, even when its text breaks off', async () => {
    server.intercept((_request, response) => {
      response.writeHead(403, { 'content-length': 1000 }).write('{"errors":[', () => response.destroy());
      return true;
    });

    const error = await failure(repository().readManifest('1.0.0'));

    expect(error.code).toBe('storage-denied');
    expect(server.requests).toHaveLength(1);
  });

  it('stops at once when the caller gives up', async () => {
    server.intercept(() => true);
    const target = repository();

    const error = await failure(target.readManifest('1.0.0', { signal: AbortSignal.timeout(30) }));

    expect(error.code).toBe('aborted');
  });
});

describe('redirects', () => {
  it('follows reads to another origin without the credential', async () => {
    const bytes = Buffer.from('file');
    const elsewhere = await startScriptedServer((_request, response) => void response.writeHead(200, { 'content-length': bytes.length }).end(bytes));
    server.intercept((request, response) => {
      const known = request.headers.authorization === BASIC;
      response.writeHead(known ? 307 : 401, known ? { location: `${elsewhere.url}/store?signature=hunter2` } : { 'www-authenticate': 'Basic realm="r"' }).end();
      return true;
    });

    const body = await repository({ credentials: staticCredentials('user', 'hunter2') }).readBlob(digestOf(bytes));

    expect(body === null ? null : await buffer(body.stream)).toEqual(bytes);
    expect(elsewhere.requests[0]?.headers.authorization).toBeUndefined();
    await elsewhere.stop();
  });

  it('gives up after five, and never shows a presigned URL', async () => {
    server.intercept((request, response) => response.writeHead(302, { location: `${request.url}?signature=hunter2` }).end() !== undefined);

    const error = await failure(repository({ retry: { attempts: 1, baseMs: 1 } }).readManifest('1.0.0'));

    expect(error).toMatchObject({ code: 'storage-unavailable', message: expect.not.stringContaining('hunter2') as string });
    expect(server.requests).toHaveLength(6);
  });

  it('does not show the presigned URL of a store that fails', async () => {
    const elsewhere = await startScriptedServer((_request, response) => void response.writeHead(403).end());
    server.intercept((_request, response) => response.writeHead(307, { location: `${elsewhere.url}/x?signature=hunter2` }).end() !== undefined);

    const error = await failure(repository().readBlob(digestOf('x')));

    expect(error).toMatchObject({ code: 'storage-unavailable', message: expect.not.stringContaining('hunter2') as string });
    expect(error.message).not.toMatch(/credential/);
    await elsewhere.stop();
  });

  it('does not carry a write to another origin', async () => {
    const elsewhere = await startScriptedServer();
    server.intercept((request, response) => request.method === 'PUT' && response.writeHead(307, { location: `${elsewhere.url}/x` }).end() !== undefined);

    const error = await failure(repository({ retry: { attempts: 1, baseMs: 1 } }).writeManifest(manifest({}), { tag: 't' }));

    expect(error.code).toBe('storage-unavailable');
    expect(elsewhere.requests).toHaveLength(0);
    await elsewhere.stop();
  });
});

describe('uploads', () => {
  it('looks first, then sends once, and keeps the query of the location', async () => {
    const target = repository();

    await target.writeBlob(blob(Buffer.from('x')));
    await target.writeBlob(blob(Buffer.from('x')));

    expect(sent('POST')).toHaveLength(1);
    expect(sent('PUT')).toEqual([`/v2/team/pkg/a/blobs/uploads/1?_state=a%3Db&digest=${encodeURIComponent(digestOf('x'))}`]);
    expect(await target.statBlob(digestOf('x'))).toBe(1);
  });

  it('begins a new session when one breaks, and looks whether it was stored all the same', async () => {
    let puts = 0;
    server.intercept((request, response) => {
      if (request.method !== 'PUT') {
        return false;
      }
      puts += 1;
      if (puts === 2) {
        server.contents.set(`team/pkg/a@${digestOf(request.body)}`, { type: '', bytes: request.body });
      }
      response.destroy();
      return true;
    });

    await repository().writeBlob(blob(Buffer.from('x')));

    expect([puts, sent('POST').length, sent('HEAD').length]).toEqual([2, 2, 3]);
  });

  it('sends no registry credential to a cross-host location', async () => {
    const elsewhere = await startScriptedServer((request, response) => {
      server.contents.set(`team/pkg/a@${digestOf(request.body)}`, { type: '', bytes: request.body });
      response.writeHead(201).end();
    });
    server.intercept((request, response) => {
      if (request.headers.authorization !== BASIC) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
        return true;
      }
      return request.method === 'POST' && response.writeHead(202, { location: `${elsewhere.url}/u?s=1` }).end() !== undefined;
    });

    await repository({ credentials: staticCredentials('user', 'hunter2') }).writeBlob(blob(Buffer.from('x')));

    expect(elsewhere.requests.map((request) => [request.method, request.headers.authorization, request.body.toString()])).toEqual([['PUT', undefined, 'x']]);
    await elsewhere.stop();
  });

  it.each([
    ['other bytes', blob(Buffer.from('lies'), Buffer.from('true'))],
    ['too few bytes', blob(Buffer.from('tru'), Buffer.from('true'))],
    ['too many bytes', blob(Buffer.from('true!'), Buffer.from('true'))],
    ['other bytes at the end of much', blob(Buffer.alloc(1_000_000, 1), Buffer.alloc(1_000_000, 2))],
  ])('of a source that yields %s fail once and store nothing', async (_name, source) => {
    const error = await failure(repository().writeBlob(source));

    expect(error.code).toBe('integrity');
    expect(server.contents.size).toBe(0);
    expect(sent('POST')).toHaveLength(1);
  });

  it('passes on what the source fails with', async () => {
    const source: BlobSource = { ...blob(Buffer.from('x')), open: () => new Readable({ read: (): void => undefined }).destroy(new Error('disk')) };

    const error = await failure(repository().writeBlob(source));

    expect(error.code).toBe('internal');
  });

  it.each([
    ['an empty blob', blob(Buffer.alloc(0)), 200, 'invalid'],
    ['a read-only registry', blob(Buffer.from('x')), 405, 'storage-read-only'],
    ['a gateway that knows no writes', blob(Buffer.from('x')), 501, 'storage-read-only'],
    ['a registry without room', blob(Buffer.from('x')), 507, 'storage-read-only'],
    ['a credential that may not push', blob(Buffer.from('x')), 403, 'storage-denied'],
    ['a repository that is not created on push', blob(Buffer.from('x')), 404, 'storage-denied'],
    ['a blob over the limit', blob(Buffer.from('x')), 413, 'too-large'],
  ])('refuse %s', async (_name, source, status, code) => {
    server.intercept((request, response) => request.method === 'POST' && response.writeHead(status).end() !== undefined);

    expect((await failure(repository().writeBlob(source))).code).toBe(code);
  });
});

describe('manifests', () => {
  it('are put again when the registry forgot them', async () => {
    let dropped = 0;
    server.intercept((request, response) => {
      const drop = request.method === 'PUT' && dropped < 2;
      dropped += drop ? 1 : 0;
      return drop && response.writeHead(201).end() !== undefined;
    });
    const target = repository();

    await target.writeManifest(manifest({ v: '1' }), { tag: '1.0.0' });

    expect(dropped).toBe(2);
    expect(await target.statManifest('1.0.0')).toBe(manifest({ v: '1' }).digest);
  });

  it('that are never shown fail the call', async () => {
    server.intercept((request, response) => request.method === 'PUT' && response.writeHead(201).end() !== undefined);

    const error = await failure(repository().writeManifest(manifest({}), { tag: '1.0.0' }));

    expect(error.code).toBe('storage-unavailable');
    expect(sent('PUT')).toHaveLength(4);
  });

  it('may be replaced at once by another writer, but not dropped in favour of what was there', async () => {
    const target = repository();
    await target.writeManifest(manifest({ v: 'old' }), { tag: 't' });
    let puts = 0;
    server.intercept((request, response) => {
      puts += request.method === 'PUT' ? 1 : 0;
      return request.method === 'PUT' && puts === 1 && response.writeHead(201).end() !== undefined;
    });

    await target.writeManifest(manifest({ v: 'new' }), { tag: 't' });

    expect(puts).toBe(2);
    expect(await target.statManifest('t')).toBe(manifest({ v: 'new' }).digest);
  });

  it.each([
    ['a missing blob', 400, 'MANIFEST_BLOB_UNKNOWN', 'unprocessable'],
    ['an immutable tag, as one registry says it', 400, 'TAG_INVALID', 'conflict'],
    ['an immutable tag', 412, 'PRECONDITION', 'conflict'],
    ['a read-only registry', 405, 'UNSUPPORTED', 'storage-read-only'],
    ['a quota that is used up', 413, 'DENIED', 'storage-read-only'],
    ['a credential that may not push', 403, 'DENIED', 'storage-denied'],
    ['a manifest over the limit', 413, 'SIZE_INVALID', 'too-large'],
  ])('fail over %s', async (_name, status, text, code) => {
    server.intercept(
      (request, response) => request.method === 'PUT' && response.writeHead(status).end(JSON.stringify({ errors: [{ code: text, message: 'hunter2' }] })) !== undefined,
    );

    const error = await failure(repository().writeManifest(manifest({}), { tag: '1.0.0' }));

    expect(error).toMatchObject({ code, message: expect.not.stringContaining('hunter2') as string });
  });

  it('that are there already under an immutable tag are written', async () => {
    const target = repository();
    await target.writeManifest(manifest({}), { tag: 't' });
    server.intercept((request, response) => request.method === 'PUT' && response.writeHead(412).end() !== undefined);

    expect((await failure(target.writeManifest(manifest({}), { tag: 't' }))).code).toBe('none');
  });

  it('with other bytes than their digest are refused, after they were asked for again', async () => {
    const { digest } = manifest({});
    server.intercept((_request, response) => response.writeHead(200, { 'docker-content-digest': digest }).end('{}') !== undefined);
    const target = repository();

    const errors = [await failure(target.readManifest(digest)), await failure(target.readManifest('t'))];

    expect(errors.map((error) => error.code)).toEqual(['integrity', 'integrity']);
    expect(server.requests).toHaveLength(6);
  });

  it('are asked for as both OCI types, without compression, and stat works without the digest header', async () => {
    const { bytes, digest } = manifest({});
    server.intercept((_request, response) => response.writeHead(200, { 'content-type': MANIFEST_MEDIA_TYPE }).end(bytes) !== undefined);
    const target = repository();

    expect(await target.statManifest('t')).toBe(digest);

    expect(server.requests.map((request) => request.method)).toEqual(['HEAD', 'GET']);
    expect(server.requests[1]?.headers).toMatchObject({ 'accept-encoding': 'identity', accept: expect.stringMatching(/manifest.*index/) as string });
  });

  it('over 4 MiB are not read', async () => {
    server.intercept((_request, response) => response.writeHead(200).end(Buffer.alloc(4 * 1024 * 1024 + 1)) !== undefined);

    expect((await failure(repository().readManifest('t'))).code).toBe('too-large');
  });

  it.each(['../x', 'a/b', '', 'sha256:xyz', 'a?b', 'a'.repeat(129)])('are not asked for by %s', async (reference) => {
    expect((await failure(repository().readManifest(reference))).code).toBe('invalid');
    expect(server.requests).toHaveLength(0);
  });
});

describe('tag lists', () => {
  type Page = readonly [status: number, tags: readonly string[] | null, next?: string];

  function pages(script: readonly Page[]): void {
    let page = 0;
    server.intercept((_request, response) => {
      const [status, tags, next] = script[page] ?? [500, null];
      page += 1;
      response.writeHead(status, { 'docker-distribution-api-version': 'registry/2.0', ...(next !== undefined && { link: `<${next}>; rel="next"` }) }).end(JSON.stringify({ name: 'x', tags }));
      return true;
    });
  }

  async function listed(): Promise<readonly string[]> {
    const all: string[] = [];
    for await (const page of repository().listTags()) {
      all.push(...page);
    }
    return all;
  }

  it.each<[string, readonly Page[], readonly string[]]>([
    ['one page', [[200, ['b', 'a']]], ['b', 'a']],
    ['null', [[200, null]], []],
    ['no repository', [[404, null]], []],
    ['two pages with the same tag', [[200, ['a', 'b'], '/v2/team/pkg/a/tags/list?last=b'], [200, ['b', 'c']]], ['a', 'b', 'c']],
    ['a relative link', [[200, ['a'], 'list?last=a'], [200, ['b']]], ['a', 'b']],
    ['an empty page in between', [[200, ['a'], '?last=a'], [200, [], '?last=b'], [200, ['c']]], ['a', 'c']],
    ['a page that is gone', [[200, ['a', 'b'], '?last=b'], [404, null], [200, ['a', 'c'], '?last=b'], [200, ['d']]], ['a', 'b', 'c', 'd']],
    ['tags that are none', [[200, ['a', '../b', 'c d']]], ['a']],
  ])('%s', async (_name, script, expected) => {
    pages(script);

    expect(await listed()).toEqual(expected);
  });

  it.each<[string, readonly Page[]]>([
    ['a page on another host', [[200, ['a'], 'http://example.com/v2/x/tags/list']]],
    ['a page that is gone twice', [[200, ['a'], '?last=a'], [404, null], [200, ['a'], '?last=a'], [404, null]]],
    ['pages in a circle', [[200, ['a'], '?last=a'], [200, ['b'], '?last=a']]],
  ])('fail over %s', async (_name, script) => {
    pages(script);

    expect((await failure(listed())).code).toBe('storage-unavailable');
  });

  it('fail over what is no list', async () => {
    server.intercept((_request, response) => response.writeHead(200).end('<html>') !== undefined);

    expect((await failure(listed())).code).toBe('storage-unavailable');
  });
});

describe('deletes', () => {
  function refuseTags(status: number, digestStatus: number): void {
    server.intercept((request, response) => {
      if (request.method !== 'DELETE') {
        return false;
      }
      const byDigest = request.url.includes('sha256:');
      if (byDigest && digestStatus === 202) {
        server.tags.clear();
      }
      response.writeHead(byDigest ? digestStatus : status).end();
      return true;
    });
  }

  it.each([
    ['by tag', 202, 405, { 'io.example.tag': 't' }, true, 1],
    ['by digest', 400, 202, { 'io.example.tag': 't' }, true, 2],
    ['by digest, after looking at the other tags', 405, 202, { other: 'x' }, true, 2],
    ['not at all', 405, 405, { 'io.example.tag': 't' }, false, 2],
    ['not without the right', 403, 202, { 'io.example.tag': 't' }, false, 1],
  ])('%s', async (_name, status, digestStatus, annotations, gone, requests) => {
    const target = repository();
    await target.writeManifest(manifest(annotations), { tag: 't' });
    await target.writeManifest(manifest({ of: 'another' }), { tag: 'other' });
    refuseTags(status, digestStatus);

    expect(await target.deleteTag('t')).toBe(gone);
    expect(sent('DELETE')).toHaveLength(requests);
  });

  it('never by a digest that another tag has', async () => {
    const target = repository();
    await target.writeManifest(manifest({}), { tag: 't' });
    await target.writeManifest(manifest({}), { tag: 'alias' });
    refuseTags(400, 202);

    expect(await target.deleteTag('t')).toBe(false);
    expect(server.tags.size).toBe(2);
  });

  it('of a tag that is not there succeed', async () => {
    expect(await repository().deleteTag('t')).toBe(true);
  });
});

describe('check', () => {
  it.each([
    [200, 'none'],
    [401, 'storage-denied'],
    [403, 'storage-denied'],
    [404, 'storage-unavailable'],
    [405, 'storage-unavailable'],
    [500, 'storage-unavailable'],
  ])('%i is %s', async (status, code) => {
    server.intercept((_request, response) => response.writeHead(status).end() !== undefined);

    expect((await failure(connect().check())).code).toBe(code);
  });

  it('reports a warning once', async () => {
    const warnings: string[] = [];
    server.intercept((_request, response) => response.writeHead(200, { warning: '299 - "going \\"away\\""' }).end() !== undefined);
    const registry = connect({ onWarning: (text) => warnings.push(text) });

    await registry.check();
    await registry.check();

    expect(warnings).toEqual(['going "away"']);
  });
});

it('keeps to its number of connections', async () => {
  let now = 0;
  let most = 0;
  server.intercept(async () => {
    now += 1;
    most = Math.max(most, now);
    await new Promise((resolve) => setTimeout(resolve, 5));
    now -= 1;
    return false;
  });
  const target = repository({ maxConnections: 3 });

  await Promise.all(Array.from({ length: 20 }, (_, number) => target.statManifest(`1.0.${number}`)));

  expect(most).toBe(3);
});
