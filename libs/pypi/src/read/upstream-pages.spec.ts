import { startScriptedServer, type ScriptedServer } from '@oci-package-proxy/testing';
import { DocumentCache, UpstreamClient } from '@oci-package-proxy/upstream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { PypiUpstream } from '../config/indexes.ts';
import { UpstreamPages } from './upstream-pages.ts';

let server: ScriptedServer;
let client: UpstreamClient;
let upstream: PypiUpstream;
let now: number;

beforeEach(async () => {
  now = Date.now();
  server = await startScriptedServer();
  client = new UpstreamClient({ instanceId: 'spec', allowedOrigins: [server.url], retry: { attempts: 1 }, breaker: { failures: 1000 } });
  upstream = { id: 'one', url: `${server.url}/base/simple`, http: client, documents: new DocumentCache({ upstream: client, ttlMs: 60_000, errorTtlMs: 0, clock: () => now }) };
});

afterEach(async () => {
  await client.close();
  await server.stop();
});

function answerFiles(...filenames: readonly string[]): void {
  server.answer((_request, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end(filenames.map((name) => `<a href="../../files/${name}">${name}</a>`).join('\n')));
}

describe('the pages of an upstream', () => {
  it('are asked for as JSON if possible, and read once', async () => {
    answerFiles('a-1.0.tar.gz', 'a-1.0.tar.gz');
    const pages = new UpstreamPages();

    const first = await pages.get(upstream, 'a');
    const second = await pages.get(upstream, 'a');

    expect(server.requests.map(({ url, headers }) => [url, headers.accept])).toEqual([['/base/simple/a/', 'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01']]);
    expect(first?.files.get('a-1.0.tar.gz')).toMatchObject({ url: `${server.url}/base/files/a-1.0.tar.gz`, version: '1.0' });
    expect(second?.page).toBe(first?.page);
    expect(pages.latest(upstream, 'a')?.page).toBe(first?.page);
    expect(pages.latest({ id: 'two' }, 'a')).toBeNull();
  });

  it('have their links from where they came from, after redirects', async () => {
    server.answer((request, response) => void (request.url.startsWith('/base/') ? response.writeHead(302, { location: '/moved/here/a/' }).end() : response.writeHead(200, { 'content-type': 'text/html' }).end('<a href="a-1.0.tar.gz">a-1.0.tar.gz</a>')));

    const known = await new UpstreamPages().get(upstream, 'a');

    expect(known?.files.get('a-1.0.tar.gz')?.url).toBe(`${server.url}/moved/here/a/a-1.0.tar.gz`);
  });

  it.each([404, 410])('are null where upstream says %i', async (status) => {
    server.answer((_request, response) => void response.writeHead(status).end());
    const pages = new UpstreamPages();

    expect(await pages.get(upstream, 'a')).toBeNull();
    expect(await pages.find(upstream, 'a', 'a-1.0.tar.gz')).toBeNull();
    expect(pages.latest(upstream, 'a')).toBeNull();
  });

  it.each([
    [401, 'upstream-denied'],
    [403, 'upstream-denied'],
    [500, 'upstream-unavailable'],
    [418, 'upstream-unavailable'],
    [429, 'rate-limited'],
  ])('are never null where upstream says %i', async (status, code) => {
    server.answer((_request, response) => void response.writeHead(status).end());

    await expect(new UpstreamPages().get(upstream, 'a')).rejects.toMatchObject({ code });
  });

  it.each(['', 'Please log in', '[1]', '{"message":"hello"}'])('are none where upstream answers %o', async (text) => {
    server.answer((_request, response) => void response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(text));

    await expect(new UpstreamPages().get(upstream, 'a')).rejects.toMatchObject({ code: 'upstream-unavailable' });
  });

  it.each(['file:///etc/hosts', 'http://10.0.0.1/simple/a/', 'http://169.254.169.254/'])('cannot be had where upstream redirects to %s, which is no refusal', async (location) => {
    server.answer((_request, response) => void response.writeHead(302, { location }).end());

    await expect(new UpstreamPages().get(upstream, 'a')).rejects.toMatchObject({ code: 'upstream-unavailable' });
  });

  it('stay when something in between answers in their place, until upstream itself says otherwise', async () => {
    answerFiles('a-1.0.tar.gz');
    const pages = new UpstreamPages();
    const first = await pages.get(upstream, 'a');
    now += 120_000;
    server.answer((_request, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<!DOCTYPE html><form><input name="password"></form>'));

    const meanwhile = await pages.get(upstream, 'a');
    const missing = pages.find(upstream, 'a', 'a-2.0.tar.gz');
    await expect(missing).rejects.toMatchObject({ code: 'upstream-unavailable' });
    server.answer((_request, response) => void response.writeHead(404).end());
    const gone = await pages.get(upstream, 'a', { fresh: true });
    server.answer((_request, response) => void response.writeHead(200).end('Please log in'));

    expect(meanwhile).toMatchObject({ page: first?.page, confirmedAt: first?.confirmedAt, stale: true });
    expect(gone).toBeNull();
    await expect(pages.get(upstream, 'a', { fresh: true })).rejects.toMatchObject({ code: 'upstream-unavailable' });
  });

  it('come back within seconds after an answer that was none', async () => {
    server.answer((_request, response) => void response.writeHead(200).end('Please log in'));
    const pages = new UpstreamPages();
    now -= 10_000;
    await expect(pages.get(upstream, 'a')).rejects.toMatchObject({ code: 'upstream-unavailable' });
    answerFiles('a-1.0.tar.gz');

    expect((await pages.get(upstream, 'a'))?.files.size).toBe(1);
  });

  it('are asked for again before a file is said to be missing, unless they are of this moment', async () => {
    answerFiles('a-1.0.tar.gz');
    const pages = new UpstreamPages();

    const atOnce = await pages.find(upstream, 'a', 'a-2.0.tar.gz');
    answerFiles('a-1.0.tar.gz', 'a-2.0.tar.gz');
    const stillNow = await pages.find(upstream, 'a', 'a-2.0.tar.gz');
    now -= 10_000;
    await pages.get(upstream, 'a', { fresh: true });
    const missing = await pages.find(upstream, 'a', 'a-3.0.tar.gz');
    const later = await pages.find(upstream, 'a', 'a-2.0.tar.gz');

    expect([atOnce?.entry, stillNow?.entry, missing?.entry]).toEqual([null, null, null]);
    expect(later?.entry?.filename).toBe('a-2.0.tar.gz');
    expect(server.requests).toHaveLength(3);
  });

  it('that are old say of no file that it is missing', async () => {
    answerFiles('a-1.0.tar.gz');
    const pages = new UpstreamPages();
    await pages.get(upstream, 'a');
    now += 120_000;
    server.answer((_request, response) => void response.writeHead(503).end());

    expect((await pages.find(upstream, 'a', 'a-1.0.tar.gz'))?.entry?.filename).toBe('a-1.0.tar.gz');
    await expect(pages.find(upstream, 'a', 'a-2.0.tar.gz')).rejects.toMatchObject({ code: 'upstream-unavailable' });
  });
});
