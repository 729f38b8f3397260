import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';

import { MemoryRegistry } from '@oci-package-proxy/oci';
import { npmPublishBody, type NpmUpstream, type ScriptedServer, startNpmUpstream, startScriptedServer } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { packageRef } from './package-name.ts';
import { ADMIN, type Answer, type SampleRegistry, startSampleRegistry } from './sample-registry.contract.ts';

const SHORT = { accept: 'application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*' };

let registry: SampleRegistry;

async function publish(name: string, version: string, tag?: string): Promise<Answer> {
  return registry.ask(`/${name.replace('/', '%2f')}`, { method: 'PUT', headers: { authorization: ADMIN }, body: npmPublishBody(name, version, { tag }) });
}

describe('packages that are published here', () => {
  beforeEach(async () => {
    registry = await startSampleRegistry({ upstream: null });
  });
  afterEach(() => registry.stop());

  it('shows a published package in all forms, with a tarball that can be fetched by every path', async () => {
    const published = await publish('@acme/widget', '1.0.0');
    await publish('@acme/widget', '2.0.0-beta.1', 'beta');

    const full = await registry.ask('/@acme%2fwidget');
    const short = await registry.ask('/@acme/widget', { headers: SHORT });
    const version = await registry.ask('/@acme%2Fwidget/beta');
    const tags = await registry.ask('/-/package/@acme%2fwidget/dist-tags');

    expect(published.status, published.body.toString()).toBe(201);
    expect(full.headers['content-type']).toBe('application/json');
    expect(full.json()).toMatchObject({ name: '@acme/widget', _id: '@acme/widget', 'dist-tags': { latest: '1.0.0', beta: '2.0.0-beta.1' }, readme: '', maintainers: [{ name: 'admin', email: '' }] });
    const { time, versions } = full.json() as { time: Record<string, string>; versions: Record<string, { dist: { tarball: string } }> };
    expect(Object.keys(time).sort()).toEqual(['1.0.0', '2.0.0-beta.1', 'created', 'modified']);
    expect(versions['1.0.0']?.dist.tarball).toBe(`http://127.0.0.1:${registry.port}/@acme/widget/-/widget-1.0.0.tgz`);
    expect(short.headers['content-type']).toBe('application/vnd.npm.install-v1+json');
    expect(Object.keys(short.json()).sort()).toEqual(['dist-tags', 'modified', 'name', 'time', 'versions']);
    expect(version.json()).toMatchObject({ version: '2.0.0-beta.1' });
    expect(tags.json()).toEqual({ latest: '1.0.0', beta: '2.0.0-beta.1' });
    for (const path of ['@acme/widget/-/widget-1.0.0.tgz', '@acme%2fwidget/-/widget-1.0.0.tgz', '@acme/widget/-/@acme/widget-1.0.0.tgz', '@acme%252fwidget/-/@acme%2fwidget-1.0.0.tgz']) {
      expect((await registry.ask(`/${path}`)).status, path).toBe(200);
    }
  });

  it('answers a document that did not change with 304, and compresses it for who takes it', async () => {
    await publish('known', '1.0.0');
    const first = await registry.ask('/known');

    const again = await registry.ask('/known', { headers: { 'if-none-match': first.headers.etag ?? '' } });
    const packed = await registry.ask('/known', { headers: { 'accept-encoding': 'gzip' } });
    await publish('known', '1.1.0');
    const changed = await registry.ask('/known', { headers: { 'if-none-match': first.headers.etag ?? '' } });

    expect(first.headers).toMatchObject({ 'cache-control': 'public, no-cache', vary: 'Accept, Accept-Encoding' });
    expect(again.status).toBe(304);
    expect(packed.headers['content-encoding'] === 'gzip' ? gunzipSync(packed.body) : packed.body).toEqual(first.body);
    expect(changed.status).toBe(200);
  });

  it('serves a tarball with strong validators, ranges and HEAD', async () => {
    const body = npmPublishBody('file', '1.0.0', { bytes: 5000 });
    await registry.ask('/file', { method: 'PUT', headers: { authorization: ADMIN }, body });
    const bytes = Buffer.from(body._attachments['file-1.0.0.tgz']?.data ?? '', 'base64');

    const whole = await registry.ask('/file/-/file-1.0.0.tgz');
    const head = await registry.ask('/file/-/file-1.0.0.tgz', { method: 'HEAD' });
    const part = await registry.ask('/file/-/file-1.0.0.tgz', { headers: { range: 'bytes=10-19' } });
    const same = await registry.ask('/file/-/file-1.0.0.tgz', { headers: { 'if-none-match': whole.headers.etag ?? '' } });

    expect(whole.body).toEqual(bytes);
    expect(whole.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'cache-control': 'public, max-age=31536000, immutable',
      etag: `"sha512:${createHash('sha512').update(bytes).digest('hex')}"`,
      'content-length': String(bytes.length),
    });
    expect(head.headers['content-length']).toBe(String(bytes.length));
    expect(part.body).toEqual(bytes.subarray(10, 20));
    expect(same.status).toBe(304);
  });

  it('deprecates, moves dist-tags and unpublishes through the documents that clients send back', async () => {
    await publish('life', '1.0.0');
    await publish('life', '1.1.0');
    const document = (await registry.ask('/life?write=true')).json() as { _rev: string; versions: Record<string, Record<string, unknown>> };
    const authorization = { authorization: ADMIN };

    const deprecated = await registry.ask('/life', { method: 'PUT', headers: authorization, body: { ...document, versions: { ...document.versions, '1.0.0': { ...document.versions['1.0.0'], deprecated: 'old' } } } });
    const tagged = await registry.ask('/-/package/life/dist-tags/stable', { method: 'PUT', headers: authorization, body: '1.0.0' });
    const shown = (await registry.ask('/life', { headers: SHORT })).json();
    const rev = String((await registry.ask('/life?write=true')).json()['_rev']);
    const removed = await registry.ask(`/life/-rev/${rev}`, { method: 'DELETE', headers: authorization });

    expect([deprecated.status, tagged.status, removed.status]).toEqual([200, 201, 200]);
    expect(shown).toMatchObject({ versions: { '1.0.0': { deprecated: 'old' } }, 'dist-tags': { latest: '1.1.0', stable: '1.0.0' } });
    expect((await registry.ask('/life')).status).toBe(404);
    expect((await registry.ask('/life/-/life-1.0.0.tgz')).status).toBe(404);
  });

  it('repeats no error that npm would take for one worth repeating', async () => {
    await publish('owned', '1.0.0');

    const owners = await registry.ask('/owned/-rev/1', { method: 'PUT', headers: { authorization: ADMIN }, body: { _id: 'owned', _rev: '1', maintainers: [] } });

    expect(owners.status).toBe(403);
    expect(owners.json()['error']).toMatch(/access rules/);
  });

  it.each([
    ['GET', '/missing', 404],
    ['GET', '/missing/1.0.0', 404],
    ['GET', '/missing/-/missing-1.0.0.tgz', 404],
    ['HEAD', '/missing/-/missing-1.0.0.tgz', 404],
    ['GET', '/-/package/missing/dist-tags', 404],
    ['GET', '/-/npm/v1/attestations/missing@1.0.0', 404],
    ['GET', '/.hidden', 400],
    ['GET', '/a%2f..%2fb', 400],
    ['GET', '/-/v1/search?text=x', 404],
    ['GET', '/-/npm/v1/keys', 404],
    ['POST', '/-/v1/login', 404],
    ['POST', '/-/npm/v1/security/advisories/bulk', 404],
    ['PATCH', '/missing', 404],
    ['GET', '/-/ping', 200],
    ['GET', '/', 200],
    ['GET', '/-/whoami', 401],
    ['PUT', '/missing', 401],
    ['DELETE', '/missing/-rev/1', 401],
  ])('%s %s: %i', async (method, path, status) => {
    const answer = await registry.ask(path, { method });

    expect(answer.status, answer.body.toString()).toBe(status);
    expect(answer.headers['content-type']).toBe('application/json');
  });

  it('answers 401 to a wrong credential, wherever it is shown', async () => {
    await publish('open', '1.0.0');

    for (const path of ['/open', '/-/ping', '/open/-/open-1.0.0.tgz', '/nowhere/at/all']) {
      expect((await registry.ask(path, { headers: { authorization: 'Bearer wrong' } })).status, path).toBe(401);
    }
  });
});

describe('below a base path, for who is known only', () => {
  beforeEach(async () => {
    registry = await startSampleRegistry({ upstream: null, basePath: '/npm', anonymousRead: false });
  });
  afterEach(() => registry.stop());

  it('hands out URLs below the path, and nothing to nobody', async () => {
    const body = npmPublishBody('inner', '1.0.0');
    const headers = { authorization: ADMIN };
    await registry.ask('/npm/inner', { method: 'PUT', headers, body });

    const document = await registry.ask('/npm/inner', { headers });
    const tarball = await registry.ask('/npm/inner/-/inner-1.0.0.tgz', { headers });
    const nobody = await registry.ask('/npm/inner');
    const nothing = await registry.ask('/npm/other');
    const root = await registry.ask('/npm/');

    expect(document.json()).toMatchObject({ versions: { '1.0.0': { dist: { tarball: `http://127.0.0.1:${registry.port}/npm/inner/-/inner-1.0.0.tgz` } } } });
    expect(document.headers).toMatchObject({ 'cache-control': 'private, no-cache', vary: 'Accept, Accept-Encoding, Authorization' });
    expect(tarball.headers).toMatchObject({ 'cache-control': 'private, max-age=31536000, immutable', vary: 'Authorization' });
    expect([nobody.status, nothing.status, root.status]).toEqual([401, 401, 200]);
  });
});

describe('packages of upstream', () => {
  let upstream: NpmUpstream;

  beforeEach(async () => {
    upstream = await startNpmUpstream([
      { name: 'left', version: '1.0.0', bytes: 200_000 },
      { name: 'left', version: '1.1.0', bytes: 1000 },
      { name: '@scope/part', version: '1.0.0', bytes: 1000 },
      { name: 'bad', version: '1.0.0', bytes: 200_000, fault: 'wrong-bytes' },
    ]);
    registry = await startSampleRegistry({ upstream: upstream.url, privateNames: ['@acme', 'secret-*'] });
  });
  afterEach(async () => {
    await registry.stop();
    await upstream.close();
  });

  it('rewrites the addresses of files, and nothing else', async () => {
    const document = (await registry.ask('/@scope%2fpart')).json() as { versions: Record<string, { dist: Record<string, string> }> };

    expect(document.versions['1.0.0']?.dist).toMatchObject({ tarball: `http://127.0.0.1:${registry.port}/@scope/part/-/part-1.0.0.tgz`, integrity: upstream.integrityOf('@scope/part', '1.0.0') });
  });

  it('streams a file once for all, hands in one job, and serves it from storage with the same validator', async () => {
    const head = await registry.ask('/left/-/left-1.0.0.tgz', { method: 'HEAD' });
    const fetched = upstream.requests.filter((path) => path.endsWith('.tgz')).length;
    const [one, two] = await Promise.all([registry.ask('/left/-/left-1.0.0.tgz'), registry.ask('/left/-/left-1.0.0.tgz')]);
    const [job] = registry.jobs;
    const outcomes = await registry.ingest();
    const held = await registry.ask('/left/-/left-1.0.0.tgz', { headers: { range: 'bytes=100-199' } });

    expect(fetched).toBe(0);
    expect(one.body).toEqual(two.body);
    expect(`sha512-${createHash('sha512').update(one.body).digest('base64')}`).toBe(upstream.integrityOf('left', '1.0.0'));
    expect(upstream.requests.filter((path) => path.endsWith('.tgz'))).toHaveLength(1);
    expect(job).toMatchObject({ ecosystem: 'npm', package: 'left', file: 'left-1.0.0.tgz', holder: 'spec-holder' });
    expect(outcomes).toEqual(['stored']);
    expect(held.status).toBe(206);
    expect(held.body).toEqual(one.body.subarray(100, 200));
    expect(new Set([head.headers.etag, one.headers.etag, held.headers.etag]).size).toBe(1);
  });

  it('goes on alone with what it holds when upstream is off, with what upstream said last', async () => {
    await registry.ask('/left/-/left-1.0.0.tgz');
    await registry.ask('/left/-/left-1.1.0.tgz');
    await registry.ingest();
    const kept = registry;
    registry = await startSampleRegistry({ upstream: null, registry: kept.registry });

    const document = await registry.ask('/left');
    const tarball = await registry.ask('/left/-/left-1.0.0.tgz');
    const missing = await registry.ask('/@scope%2fpart');
    await kept.stop();

    expect(document.json()).toMatchObject({
      'dist-tags': { latest: '1.1.0' },
      time: { '1.0.0': '2024-05-01T12:00:00.000Z', modified: '2024-05-01T12:00:00.000Z' },
      versions: { '1.0.0': { dist: { integrity: upstream.integrityOf('left', '1.0.0'), tarball: `http://127.0.0.1:${registry.port}/left/-/left-1.0.0.tgz` } } },
    });
    expect(tarball.status).toBe(200);
    expect(missing.status).toBe(404);
  });

  it('never says not found because upstream fails', async () => {
    await registry.ask('/left/-/left-1.0.0.tgz');
    await registry.ingest();
    upstream.mode = 'error';

    const held = await registry.ask('/left');
    const unknown = await registry.ask('/@scope%2fpart');
    const version = await registry.ask('/left/9.9.9');
    const file = await registry.ask('/@scope/part/-/part-1.0.0.tgz');
    const stored = await registry.ask('/left/-/left-1.0.0.tgz');

    expect(held.status).toBe(200);
    expect(unknown.status).toBe(503);
    expect(unknown.json()['error']).toMatch(/upstream|503/i);
    expect(version.status).toBe(503);
    expect(file.status).toBe(503);
    expect(stored.status).toBe(200);
  });

  it('never asks upstream for a private name, by whatever path', async () => {
    for (const path of ['/@acme%2ftool', '/@acme/tool/1.0.0', '/@acme/tool/-/tool-1.0.0.tgz', '/secret-x', '/Secret-X', '/-/package/@acme%2ftool/dist-tags', '/-/npm/v1/attestations/@acme%2ftool@1.0.0']) {
      expect((await registry.ask(path)).status, path).toBe(404);
    }
    const published = await publish('secret-x', '1.0.0');

    expect(published.status).toBe(201);
    expect(upstream.requests).toEqual([]);
  });

  it('refuses to publish under a name that upstream has', async () => {
    const refused = await publish('left', '2.0.0');

    expect(refused.status).toBe(409);
    expect(refused.json()['error']).toMatch(/upstream/);
  });

  it('breaks off a file that is not what upstream says, and stores nothing of it', async () => {
    const answer = await registry.ask('/bad/-/bad-1.0.0.tgz').catch(() => null);

    expect(answer === null || answer.brokenOff || answer.status === 502).toBe(true);
    expect(registry.jobs).toEqual([]);
  });

  it('hides what an operator deleted, for good', async () => {
    await registry.ask('/left/-/left-1.1.0.tgz');
    await registry.ingest();
    await registry.ledger.delete(packageRef('left'), ['1.1.0'], { by: 'operator' });

    const document = await registry.ask('/left');
    const tarball = await registry.ask('/left/-/left-1.1.0.tgz');
    const version = await registry.ask('/left/1.1.0');

    expect(Object.keys(document.json()['versions'] as object)).toEqual(['1.0.0']);
    expect(document.json()['dist-tags']).toEqual({ latest: '1.0.0' });
    expect([tarball.status, version.status]).toEqual([404, 404]);
  });

  it('serves even when no job can be handed in', async () => {
    const alone = await startSampleRegistry({ upstream: upstream.url, queueFails: true });

    const answer = await alone.ask('/left/-/left-1.1.0.tgz');
    await alone.stop();

    expect(answer.status).toBe(200);
    expect(answer.body).toHaveLength(1000);
    expect(alone.log.map(({ msg }) => msg)).toContain('an ingest job could not be handed in; the file is stored when it is asked for again');
  });

  it('hands a job in again when its file is asked for again and still is not stored', async () => {
    const now = performance.now.bind(performance);
    const options = { upstream: upstream.url, queueFails: true };
    const alone = await startSampleRegistry(options);
    await alone.ask('/left/-/left-1.1.0.tgz');
    options.queueFails = false;

    await alone.ask('/left/-/left-1.1.0.tgz');
    const atOnce = alone.jobs.length;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + 10_000);
    await alone.ask('/left/-/left-1.1.0.tgz');
    await alone.ask('/left/-/left-1.1.0.tgz');
    clock.mockRestore();
    const outcomes = await alone.ingest();
    await alone.stop();

    expect(atOnce).toBe(0);
    expect(outcomes).toEqual(['stored']);
    expect(upstream.requests.filter((path) => path.endsWith('.tgz'))).toHaveLength(1);
  });
});

describe('an upstream that does as it likes', () => {
  let upstream: ScriptedServer;
  let versions: Record<string, unknown>;
  const bytes = Buffer.from('an old tarball');
  const sha1 = createHash('sha1').update(bytes).digest('hex');

  beforeEach(async () => {
    versions = { '1.0.0': { name: 'odd', version: '1.0.0', deprecated: 'tired', dist: { shasum: sha1, tarball: '' } } };
    upstream = await startScriptedServer((request, response) => {
      if (request.url.endsWith('.tgz')) {
        response.end(bytes);
        return;
      }
      const found = request.url === '/odd';
      response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify({ name: 'odd', 'dist-tags': { latest: '1.0.0' }, versions, time: { '1.0.0': '2012-01-01T00:00:00.000Z' } }));
    });
    Object.assign((versions['1.0.0'] as { dist: object }).dist, { tarball: `${upstream.url}/odd/-/strange_name.tgz` });
    registry = await startSampleRegistry({ upstream: upstream.url });
  });
  afterEach(async () => {
    await registry.stop();
    await upstream.stop();
  });

  it('serves old files with odd names and nothing but a sha1, and finds them again in storage', async () => {
    const miss = await registry.ask('/odd/-/strange_name.tgz');
    const outcomes = await registry.ingest();
    const held = await registry.ask('/odd/-/strange_name.tgz');

    expect(miss.body).toEqual(bytes);
    expect(outcomes).toEqual(['stored']);
    expect(held.body).toEqual(bytes);
    expect(held.headers.etag).toBe(miss.headers.etag);
    expect((await registry.ask('/odd/-/odd-1.0.0.tgz')).status).toBe(404);
  });

  it('keeps serving the bytes that were stored first, and raises an alarm, when upstream shows others', async () => {
    await registry.ask('/odd/-/strange_name.tgz');
    await registry.ingest();
    Object.assign((versions['1.0.0'] as { dist: object }).dist, { shasum: 'f'.repeat(40) });

    const document = (await registry.ask('/odd')).json() as { versions: Record<string, { dist: unknown }> };

    expect(document.versions['1.0.0']?.dist).toEqual({ shasum: sha1, tarball: `http://127.0.0.1:${registry.port}/odd/-/strange_name.tgz` });
    expect(registry.log.filter(({ level, msg }) => level === 'error' && String(msg).includes('other bytes'))).toHaveLength(1);
  });

  it('finds a file with an odd name that was stored elsewhere a moment ago', async () => {
    const other = await startSampleRegistry({ upstream: null, registry: registry.registry });

    const before = await other.ask('/odd/-/strange_name.tgz');
    await registry.ask('/odd/-/strange_name.tgz');
    await registry.ingest();
    const after = await other.ask('/odd/-/strange_name.tgz');
    await other.stop();

    expect([before.status, after.status]).toEqual([404, 200]);
  });

  it('takes a file that storage has lost from upstream, but never other bytes under its name', async () => {
    const stored: ConstructorParameters<typeof MemoryRegistry>[1] = new Map();
    const lossy = await startSampleRegistry({ upstream: upstream.url, registry: new MemoryRegistry({}, stored) });
    await lossy.ask('/odd/-/strange_name.tgz');
    await lossy.ingest();
    stored.get('npm/odd')?.blobs.clear();

    const same = await lossy.ask('/odd/-/strange_name.tgz');
    Object.assign((versions['1.0.0'] as { dist: object }).dist, { shasum: createHash('sha1').update('other').digest('hex') });
    upstream.answer((request, response) => void response.end(request.url.endsWith('.tgz') ? 'other' : JSON.stringify({ name: 'odd', versions })));
    await lossy.ask('/odd');
    const other = await lossy.ask('/odd/-/strange_name.tgz');
    await lossy.stop();

    expect(same.body).toEqual(bytes);
    expect(other.status, other.body.toString()).toBe(503);
    expect(other.json()['error']).toMatch(/storage has lost/);
  });

  it('remembers deprecations for when upstream is off', async () => {
    await registry.ask('/odd/-/strange_name.tgz');
    await registry.ingest();
    const kept = registry;
    registry = await startSampleRegistry({ upstream: null, registry: kept.registry });

    const document = await registry.ask('/odd', { headers: SHORT });
    await kept.stop();

    expect(document.json()).toMatchObject({ versions: { '1.0.0': { deprecated: 'tired' } }, time: { '1.0.0': '2012-01-01T00:00:00.000Z' } });
  });

  it('answers 5xx when what upstream says is no packument', async () => {
    upstream.answer((_request, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('<html>'));

    expect((await registry.ask('/page')).status).toBe(503);
    expect((await registry.ask('/-/npm/v1/attestations/page@1.0.0')).status).toBe(503);
  });

  it('shows what it holds when what upstream says is no packument', async () => {
    await registry.ask('/odd/-/strange_name.tgz');
    await registry.ingest();
    upstream.answer((_request, response) => void response.end('<html>'));

    const document = await registry.ask('/odd');

    expect(document.json()).toMatchObject({ versions: { '1.0.0': { version: '1.0.0' } } });
  });
});
