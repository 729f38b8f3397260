import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { freePort, type ScriptedServer, startScriptedServer, temporaryDirectory } from '@oci-package-proxy/testing';

import { clientFor, drain, type FileServer, firstChunk, randomFile, startFileServer } from '../download/file-server.contract.ts';
import { SharedDownloads } from '../download/shared-downloads.ts';
import type { Upstream } from '../upstream-port.ts';
import { signPeerRequest, verifyPeerRequest } from './peer-signature.ts';
import { peerSource } from './peer-source.ts';
import { upstreamSource } from './upstream-source.ts';

const SECRET = 'a secret of all processes';
const KEY = 'eco/@scope/name/file 1.0.bin/sha256:abc';

describe('verifyPeerRequest', () => {
  const request = { method: 'GET', path: '/internal/spool?key=a' };
  const headers = signPeerRequest(request, SECRET, 1_000_000);

  it.each([
    ['what was signed', {}, SECRET, 1_000_000, true],
    ['it a minute later', {}, SECRET, 1_060_000, true],
    ['it a minute earlier', {}, SECRET, 940_000, true],
    ['it more than a minute later', {}, SECRET, 1_060_001, false],
    ['it more than a minute earlier', {}, SECRET, 939_999, false],
    ['another path', { path: '/internal/spool?key=b' }, SECRET, 1_000_000, false],
    ['another method', { method: 'DELETE' }, SECRET, 1_000_000, false],
    ['another secret', {}, 'other', 1_000_000, false],
    ['no headers', { headers: {} }, SECRET, 1_000_000, false],
    ['a cut signature', { headers: { ...headers, 'x-internal-signature': headers['x-internal-signature']?.slice(0, 63) } }, SECRET, 1_000_000, false],
    ['another time', { headers: { ...headers, 'x-internal-timestamp': '1000001' } }, SECRET, 1_000_000, false],
    ['no time', { headers: { ...headers, 'x-internal-timestamp': 'now' } }, SECRET, 1_000_000, false],
  ])('judges %s', (_, changes, secret, now, valid) => {
    expect(verifyPeerRequest({ ...request, headers, ...changes }, secret, now)).toBe(valid);
  });
});

describe('peerSource', () => {
  const file = randomFile(3 * 2 ** 20);
  let directory: string;
  let server: FileServer;
  let upstream: Upstream;
  let theirs: SharedDownloads;
  let ours: SharedDownloads;
  let peer: ScriptedServer;

  beforeEach(async () => {
    directory = await temporaryDirectory('spool');
    server = await startFileServer(file.bytes);
    upstream = clientFor(server);
    theirs = new SharedDownloads({ directory: `${directory}/theirs`, maxBytes: 2 ** 30 });
    ours = new SharedDownloads({ directory: `${directory}/ours`, maxBytes: 2 ** 30, stallMs: 300 });
    peer = await startScriptedServer((request, response) => {
      const download = theirs.find(new URL(request.url, peer.url).searchParams.get('key') ?? '');
      if (!verifyPeerRequest({ method: request.method, path: request.url, headers: request.headers }, SECRET) || download === null) {
        response.writeHead(download === null ? 404 : 401).end();
        return;
      }
      const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      response.writeHead(start > 0 ? 206 : 200, start > 0 ? { 'content-range': `bytes ${start}-${(download.size ?? 0) - 1}/${download.size}` } : {});
      download.stream({ start }).on('error', () => response.destroy()).pipe(response);
    });
  });

  afterEach(async () => {
    await Promise.all([ours.close(), theirs.close()]);
    await upstream.close();
    await peer.stop();
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });

  function request(secret = SECRET): Parameters<SharedDownloads['open']>[0] {
    const fromPeer = peerSource({ fetchUrl: peer.url, key: KEY, secret, holder: randomUUID() });
    return { key: KEY, expected: { sha256: file.sha256 }, sources: [fromPeer, upstreamSource({ upstream, url: server.fileUrl })], subject: 'file' };
  }

  it('follows a file that is still growing there: upstream is asked once', async () => {
    const gate = Promise.withResolvers<void>();
    server.plan({ holdAt: { offset: 2 ** 20, until: gate.promise } });
    const fetching = await theirs.open({ ...request(), sources: request().sources.slice(1) });

    const stream = (await ours.open(request())).stream();
    const first = await firstChunk(stream);
    gate.resolve();
    const rest = await drain(stream.resume());
    await fetching.finished;

    expect(Buffer.concat([first, rest.bytes]).equals(file.bytes)).toBe(true);
    expect(server.requests).toHaveLength(1);
  });

  it('leaves upstream to go on when the other process dies', async () => {
    server.plan({ stallAfter: 2 ** 20 });
    await theirs.open({ ...request(), sources: request().sources.slice(1) });

    const stream = (await ours.open(request())).stream();
    const reading = drain(stream);
    await peer.stop();
    const got = await reading;

    expect(got.bytes.equals(file.bytes)).toBe(true);
    expect(server.requests).toHaveLength(2);
  });

  it.each([
    ['the other does not have it', SECRET],
    ['the other has another secret', 'other'],
  ])('goes upstream when %s', async (_, secret) => {
    const got = await drain((await ours.open(request(secret))).stream());

    expect(got.bytes.equals(file.bytes)).toBe(true);
    expect(server.requests).toHaveLength(1);
  });

  it('says what failed when the other is gone', async () => {
    const source = peerSource({ fetchUrl: `http://127.0.0.1:${await freePort()}`, key: KEY, secret: SECRET, holder: 'h1' });

    await expect(source.open({ offset: 0, validator: null }, new AbortController().signal)).rejects.toMatchObject({
      code: 'upstream-unavailable',
      message: expect.stringContaining('spool of h1') as string,
    });
    await expect(source.open({ offset: 0, validator: null }, AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' });
  });
});
