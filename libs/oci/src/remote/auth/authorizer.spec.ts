import { type ScriptedRegistry, startScriptedRegistry, startTokenAuthProxy, type TokenAuthOptions, type TokenAuthProxy } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { bufferBlob } from '../../model/blob-source.ts';
import { digestOf } from '../../model/digest.ts';
import { MANIFEST_MEDIA_TYPE, type ManifestBytes } from '../../model/manifest.ts';
import { RemoteRegistry, type RemoteRegistryOptions } from '../remote-registry.ts';
import { Authorizer } from './authorizer.ts';
import { type CredentialSource, staticCredentials } from './credentials.ts';

const USER = { username: 'robot$user', password: 'hun:ter2' };
const BYTES = Buffer.from('{}');
const MANIFEST: ManifestBytes = { mediaType: MANIFEST_MEDIA_TYPE, digest: digestOf(BYTES), bytes: BYTES };

let server: ScriptedRegistry;
let closing: (() => Promise<void>)[];

beforeEach(async () => {
  server = await startScriptedRegistry();
  closing = [() => server.stop()];
});

afterEach(async () => {
  for (const close of closing.toReversed()) {
    await close();
  }
});

async function protectedBy(options: Omit<TokenAuthOptions, 'target'> = {}): Promise<TokenAuthProxy> {
  const proxy = await startTokenAuthProxy({ target: server.url, ...options });
  closing.push(() => proxy.stop());
  return proxy;
}

function connect(url: string, options: Partial<RemoteRegistryOptions> = {}): RemoteRegistry {
  const registry = new RemoteRegistry({ url, retry: { attempts: 3, baseMs: 5 }, ...options });
  closing.push(() => registry.close());
  return registry;
}

describe('token authentication', () => {
  it.each<[string, Omit<TokenAuthOptions, 'target'>, CredentialSource | undefined]>([
    ['anonymous', {}, undefined],
    ['a user', { user: USER, lifetimeS: 300 }, staticCredentials(USER.username, USER.password)],
    ['access_token', { user: USER, field: 'access_token' }, staticCredentials(USER.username, USER.password)],
    ['an identity token', { identityToken: 'refresh' }, { credentialFor: () => Promise.resolve({ identityToken: 'refresh' }) }],
  ])('with %s: one token for all reads of a repository, one for all writes', async (_name, options, credentials) => {
    const proxy = await protectedBy(options);
    const repository = connect(`${proxy.url}/team`, { credentials }).repository('a');

    await Promise.all([repository.readManifest('1'), repository.readManifest('2'), repository.statManifest('3')]);
    await repository.writeBlob(bufferBlob(BYTES));
    await repository.writeManifest(MANIFEST, { tag: '1' });
    await repository.readManifest('1');

    expect(proxy.issued).toEqual([['repository:team/a:pull'], ['repository:team/a:pull,push']]);
  });

  it('uses the token for writes also for reads', async () => {
    const proxy = await protectedBy();
    const repository = connect(proxy.url).repository('a');

    await repository.writeManifest(MANIFEST, { tag: '1' });
    await repository.readManifest('1');

    expect(proxy.issued).toEqual([['repository:a:pull,push']]);
  });

  it('gets another token when one was revoked, once', async () => {
    const proxy = await protectedBy();
    const repository = connect(proxy.url).repository('a');
    await repository.readManifest('1');

    proxy.revokeAll();
    await Promise.all([repository.readManifest('1'), repository.readManifest('2'), repository.readManifest('3')]);

    expect(proxy.issued).toHaveLength(2);
  });

  it('replays an upload whose token was revoked before the PUT', async () => {
    const proxy = await protectedBy();
    const repository = connect(proxy.url).repository('a');
    server.intercept((request) => {
      if (request.method === 'POST') {
        proxy.revokeAll();
      }
      return false;
    });

    await repository.writeBlob(bufferBlob(Buffer.alloc(300_000, 7)));

    expect(server.contents.size).toBe(1);
    expect(server.requests.filter((request) => request.method === 'POST')).toHaveLength(1);
  });

  it('checks the registry, with a token without scope', async () => {
    const proxy = await protectedBy();

    await connect(proxy.url).check();

    expect(proxy.issued).toEqual([[]]);
  });

  it.each<[string, CredentialSource]>([
    ['user', staticCredentials(USER.username, 'wrong')],
    ['identity token', { credentialFor: () => Promise.resolve({ identityToken: 'wrong' }) }],
  ])('reports a refused %s without showing it', async (_name, credentials) => {
    const proxy = await protectedBy({ user: USER });

    const outcome = connect(proxy.url, { credentials }).check();

    await expect(outcome).rejects.toMatchObject({ code: 'storage-denied', message: expect.not.stringContaining('wrong') as string });
  });

  it('asks for the scope that the registry names beyond ours', async () => {
    const issued: string[] = [];
    server.intercept((request, response) => {
      const url = new URL(request.url, server.url);
      if (url.pathname === '/token') {
        issued.push(...url.searchParams.getAll('scope'));
        response.writeHead(200).end('{"token":"t"}');
        return true;
      }
      const challenge = `Bearer realm="${server.url}/token",scope="repository:other/a:pull"`;
      return request.headers.authorization !== 'Bearer t' && response.writeHead(401, { 'www-authenticate': challenge }).end() !== undefined;
    });

    await connect(server.url).repository('a').readManifest('1');

    expect(issued).toEqual(['repository:a:pull', 'repository:other/a:pull']);
  });

  it('never sends a credential to a realm that it must not have', async () => {
    server.intercept((_request, response) => response.writeHead(401, { 'www-authenticate': 'Bearer realm="http://example.com/token"' }).end() !== undefined);

    const outcome = connect(server.url, { credentials: staticCredentials('user', 'hunter2') }).check();

    await expect(outcome).rejects.toMatchObject({ code: 'storage-denied' });
  });

  it('asks for a new token when the lifetime is nearly over', async () => {
    let now = 0;
    let fetched = 0;
    const authorizer = new Authorizer({
      registry: new URL('https://example.com'),
      credentials: staticCredentials('a', 'b'),
      clock: () => now,
      send: async (request) => {
        fetched += 1;
        return { status: 200, headers: {}, bytes: Buffer.from(`{"token":"t${fetched}"}`), url: request.url, foreign: false };
      },
    });
    const access = { repository: 'a', actions: ['pull'] } as const;
    await authorizer.challenged('Bearer realm="https://example.com/token"', { access, used: null, subject: 'reading' });

    const values: (string | null)[] = [];
    for (now of [0, 49_000, 51_000]) {
      values.push(await authorizer.authorization(access));
    }

    expect(values).toEqual(['Bearer t1', 'Bearer t1', 'Bearer t2']);
  });
});

describe('Basic authentication', () => {
  function demand(accepted: () => string): void {
    server.intercept((request, response) => {
      const known = request.headers.authorization === `Basic ${Buffer.from(`user:${accepted()}`).toString('base64')}`;
      return !known && response.writeHead(401, { 'www-authenticate': ['Negotiate', 'Basic realm="r, s"'] }).end() !== undefined;
    });
  }

  it('sends the credential only after it was asked for, then always', async () => {
    demand(() => 'hunter2');
    const registry = connect(server.url, { credentials: staticCredentials('user', 'hunter2') });

    await registry.check();
    await registry.check();

    expect(server.requests.map((request) => request.headers.authorization !== undefined)).toEqual([false, true, true]);
  });

  it('asks the source again when the password changed', async () => {
    let password = 'old';
    demand(() => password);
    const registry = connect(server.url, { credentials: { credentialFor: () => Promise.resolve({ username: 'user', password }) } });
    await registry.check();

    password = 'new';

    await expect(registry.check()).resolves.toBeUndefined();
  });

  it('does not try the same wrong password twice', async () => {
    demand(() => 'right');
    const registry = connect(server.url, { credentials: staticCredentials('user', 'hunter2') });
    await registry.check().catch(() => undefined);

    await expect(registry.check()).rejects.toMatchObject({ code: 'storage-denied', message: expect.not.stringContaining('hunter2') as string });
    expect(server.requests).toHaveLength(3);
  });
});
