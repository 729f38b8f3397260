import { eventually, type RunningRegistry, type ScriptedRegistry, startDockerRegistry, startScriptedRegistry, startTokenAuthProxy, type TokenAuthProxy } from '@oci-package-proxy/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { bufferBlob } from '../model/blob-source.ts';
import { digestOf } from '../model/digest.ts';
import { isBlobMounter, type BlobMounter, type Repository } from '../ports/repository.ts';
import { registryProfile } from './profile/known-products.ts';
import { RemoteRegistry } from './remote-registry.ts';

const BYTES = Buffer.from('the bytes of a file');
const DIGEST = digestOf(BYTES);

let opened: RemoteRegistry[] = [];

afterEach(async () => {
  await Promise.all(opened.map((registry) => registry.close()));
  opened = [];
});

function repository(url: string, name: string, mounts = true): Repository & BlobMounter {
  const registry = new RemoteRegistry({ url, retry: { attempts: 2, baseMs: 5 }, profile: registryProfile({ overrides: { mounts } }) });
  opened.push(registry);
  const made = registry.repository(name);
  return isBlobMounter(made) ? made : expect.fail();
}

describe('mounting a blob', () => {
  let server: ScriptedRegistry;

  beforeEach(async () => {
    server = await startScriptedRegistry();
  });
  afterEach(async () => server.stop());

  function pair(mounts = true): [Repository & BlobMounter, Repository] {
    return [repository(`${server.url}/new`, 'pkg/a', mounts), repository(`${server.url}/old`, 'pkg/b')];
  }

  function sent(): readonly string[] {
    return server.requests.map(({ method, url }) => `${method} ${url}`);
  }

  it('asks for it with one request', async () => {
    server.intercept((_request, response) => response.writeHead(201, { 'docker-content-digest': DIGEST }).end() !== undefined);
    const [target, source] = pair();

    expect(await target.mountBlob(DIGEST, source)).toBe(true);
    expect(sent()).toEqual([`POST /v2/new/pkg/a/blobs/uploads/?mount=${encodeURIComponent(DIGEST)}&from=old%2Fpkg%2Fb`]);
  });

  it('gives the upload up that a registry begins instead', async () => {
    const [target, source] = pair();

    expect(await target.mountBlob(DIGEST, source)).toBe(false);
    await eventually('it is given up', async () => Promise.resolve(sent().includes('DELETE /v2/new/pkg/a/blobs/uploads/1?_state=a%3Db')));
  });

  it.each([[400], [403], [404], [405], [500]])('is no failure when it is answered %i', async (status) => {
    server.intercept((_request, response) => response.writeHead(status).end() !== undefined);
    const [target, source] = pair();

    expect(await target.mountBlob(DIGEST, source)).toBe(false);
  });

  it('does not believe that another blob was wanted', async () => {
    server.intercept((_request, response) => response.writeHead(201, { 'docker-content-digest': digestOf('other') }).end() !== undefined);
    const [target, source] = pair();

    expect(await target.mountBlob(DIGEST, source)).toBe(false);
  });

  it('asks nothing of a registry that does not do it, nor for a blob of another registry', async () => {
    const other = repository('http://127.0.0.1:1/old', 'pkg/b');
    const [without, source] = pair(false);
    const [target] = pair();

    expect([await without.mountBlob(DIGEST, source), await target.mountBlob(DIGEST, other), await target.mountBlob(DIGEST, target)]).toEqual([false, false, false]);
    expect(sent()).toEqual([]);
  });

  it('ends with its caller', async () => {
    const [target, source] = pair();

    await expect(target.mountBlob(DIGEST, source, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('mounting a blob in docker-registry', () => {
  let running: RunningRegistry;
  let proxy: TokenAuthProxy;

  beforeAll(async () => {
    running = await startDockerRegistry();
    proxy = await startTokenAuthProxy({ target: running.url });
  });
  afterAll(async () => {
    await proxy.stop();
    await running.stop();
  });

  it.each(['open', 'Bearer'])('has it there afterwards: %s', async (how) => {
    const url = how === 'open' ? running.url : proxy.url;
    const [source, target, missing] = [repository(`${url}/old`, how.toLowerCase()), repository(`${url}/new`, how.toLowerCase()), repository(`${url}/none`, 'at-all')];
    await source.writeBlob(bufferBlob(BYTES));

    expect(await target.statBlob(DIGEST)).toBeNull();
    expect(await target.mountBlob(DIGEST, source)).toBe(true);
    expect(await target.statBlob(DIGEST)).toBe(BYTES.length);
    expect(await target.mountBlob(digestOf('never'), missing)).toBe(false);
  });

  it('asks for a token for both repositories', async () => {
    const [source, target] = [repository(`${proxy.url}/old`, 'scopes'), repository(`${proxy.url}/new`, 'scopes')];
    await source.writeBlob(bufferBlob(BYTES));
    await target.statBlob(DIGEST);

    await target.mountBlob(DIGEST, source);

    expect(proxy.issued.at(-1)).toEqual(['repository:new/scopes:pull,push', 'repository:old/scopes:pull']);
  });
});
