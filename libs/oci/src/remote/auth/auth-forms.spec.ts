import type { ServerResponse } from 'node:http';
import { inspect } from 'node:util';

import { type ScriptedRequest, type ScriptedServer, startScriptedServer } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { bufferBlob } from '../../model/blob-source.ts';
import type { Repository } from '../../ports/repository.ts';
import { RemoteRegistry } from '../remote-registry.ts';
import { type CredentialSource, staticCredentials } from './credentials.ts';

/** What a token service was asked. */
interface Asked {
  readonly method: string;
  readonly scopes: readonly string[];
  readonly fields: Readonly<Record<string, string>>;
}

/** A token service's answer: a status, or the fields of a 200. */
type Issue = (asked: Asked, number: number) => number | Record<string, unknown>;

let server: ScriptedServer;
let registry: RemoteRegistry | null;
let asked: Asked[];

beforeEach(async () => {
  server = await startScriptedServer();
  registry = null;
  asked = [];
});
afterEach(async () => {
  await registry?.close();
  await server.stop();
});

/** A registry with `challenge` (`{realm}` stands for its token service) that takes every token that `issue` gave. */
function protect(challenge: string | readonly string[], issue: Issue, takes: (token: string) => boolean = () => true): void {
  const given = new Set<string>();
  server.answer((request, response) => {
    if (request.url.startsWith('/token')) {
      answerToken(request, response, issue, given);
      return;
    }
    const token = request.headers.authorization?.replace(/^Bearer /, '') ?? '';
    const good = given.has(token) && takes(token);
    const headers = [challenge].flat().map((text) => text.replace('{realm}', `${server.url}/token`));
    response.writeHead(good ? 404 : 401, good ? { 'docker-distribution-api-version': 'registry/2.0' } : { 'www-authenticate': headers }).end();
  });
}

function answerToken(request: ScriptedRequest, response: ServerResponse, issue: Issue, given: Set<string>): void {
  const query = new URL(request.url, server.url).searchParams;
  const form = new URLSearchParams(request.body.toString());
  const parameters = request.method === 'POST' ? form : query;
  asked.push({ method: request.method, scopes: request.method === 'POST' ? (form.get('scope') ?? '').split(' ') : query.getAll('scope'), fields: { ...Object.fromEntries(parameters), authorization: request.headers.authorization ?? '' } });
  const answer = issue(asked.at(-1) ?? expect.fail(), asked.length);
  if (typeof answer === 'number') {
    response.writeHead(answer, { location: '/elsewhere' }).end();
    return;
  }
  given.add(String(answer['token'] ?? answer['access_token']));
  response.writeHead(200).end(JSON.stringify(answer));
}

function repository(credentials?: CredentialSource): Repository {
  registry = new RemoteRegistry({ url: server.url, retry: { attempts: 2, baseMs: 2 }, ...(credentials === undefined ? {} : { credentials }) });
  return registry.repository('team/a');
}

const USER = staticCredentials('robot$ci', 'hun,ter2');
const identity = (token: () => string): CredentialSource => ({ credentialFor: () => Promise.resolve({ identityToken: token() }) });

describe('challenges', () => {
  it.each<[string, string | readonly string[], string | undefined, readonly string[]]>([
    ['alone', 'Bearer realm="{realm}",service="reg",scope="repository:team/a:pull"', 'reg', ['repository:team/a:pull']],
    ['without a scope', 'Bearer realm="{realm}",service="reg"', 'reg', ['repository:team/a:pull']],
    ['without a service', 'Bearer realm="{realm}"', undefined, ['repository:team/a:pull']],
    ['with commas in quotes', 'Bearer realm="{realm}",service="a, b=\\"c\\"",scope="repository:team/a:pull,push"', 'a, b="c"', ['repository:team/a:pull', 'repository:team/a:pull,push']],
    ['after Basic in one header', 'Basic realm="a, Bearer realm=b", Bearer realm="{realm}" , service=reg', 'reg', ['repository:team/a:pull']],
    ['before others in one header', 'Negotiate, BEARER Realm="{realm}",Service="reg", Basic realm="x"', 'reg', ['repository:team/a:pull']],
    ['in the second of two headers', ['Basic realm="x"', 'bearer realm="{realm}"'], undefined, ['repository:team/a:pull']],
    ['with an error', 'Bearer realm="{realm}",service="reg",error="invalid_token"', 'reg', ['repository:team/a:pull']],
    ['of a mirror that names others', 'Bearer realm="{realm}",scope="repository:mirror/team/a:pull"', undefined, ['repository:team/a:pull', 'repository:mirror/team/a:pull']],
  ])('Bearer %s is answered', async (_name, challenge, service, scopes) => {
    protect(challenge, () => ({ token: 't' }));

    expect(await repository(USER).readManifest('1.0.0')).toBeNull();
    expect(asked).toMatchObject([{ method: 'GET', scopes, fields: { account: 'robot$ci' } }]);
    expect(asked[0]?.fields['service']).toBe(service);
  });
});

describe('token flows', () => {
  const CHALLENGE = 'Bearer realm="{realm}",service="reg"';

  it('GET: Basic to the service alone, Bearer to the registry', async () => {
    protect(CHALLENGE, () => ({ access_token: 't', expires_in: 300 }));

    await repository(USER).readManifest('1.0.0');

    expect(asked[0]?.fields['authorization']).toBe(`Basic ${Buffer.from('robot$ci:hun,ter2').toString('base64')}`);
    expect(server.requests.filter((request) => request.url.startsWith('/v2/')).map((request) => request.headers.authorization)).toEqual([undefined, 'Bearer t']);
  });

  it('GET, then POST with a password grant, where GET is not known', async () => {
    protect(CHALLENGE, ({ method }) => (method === 'GET' ? 405 : { access_token: 't' }));

    await repository(USER).readManifest('1.0.0');

    expect(asked[1]).toMatchObject({ method: 'POST', scopes: ['repository:team/a:pull'], fields: { grant_type: 'password', username: 'robot$ci', password: 'hun,ter2', service: 'reg', client_id: 'oci-package-proxy' } });
  });

  it('POST with a refresh token, then GET where POST is not known', async () => {
    protect(CHALLENGE, ({ method }) => (method === 'POST' ? 404 : { token: 't' }));

    await repository(identity(() => 'refresh')).readManifest('1.0.0');

    expect(asked[0]).toMatchObject({ method: 'POST', fields: { grant_type: 'refresh_token', refresh_token: 'refresh', service: 'reg' } });
    expect(asked[1]?.fields['authorization']).toBe(`Basic ${Buffer.from('<token>:refresh').toString('base64')}`);
  });

  it('POST whose answer brings a new refresh token: the old one is used no more', async () => {
    const sent: (string | undefined)[] = [];
    protect(CHALLENGE, ({ fields }, number) => {
      sent.push(fields['refresh_token']);
      return { access_token: `t${number}`, refresh_token: `refresh-${number}` };
    });
    const target = repository(identity(() => 'configured'));

    await target.readManifest('1.0.0');
    await target.writeBlob(bufferBlob(Buffer.from('x'))).catch(() => undefined);

    expect(sent).toEqual(['configured', 'refresh-1']);
  });

  it('POST whose new refresh token is refused: the configured one counts again, also when it was changed', async () => {
    let configured = 'configured';
    const sent: (string | undefined)[] = [];
    protect(CHALLENGE, ({ fields }, number) => {
      sent.push(fields['refresh_token']);
      return fields['refresh_token'] === 'rotated' ? 400 : { access_token: `t${number}`, refresh_token: 'rotated' };
    }, (token) => token !== 't1');
    const target = repository(identity(() => configured));

    await target.readManifest('1.0.0').catch(() => undefined);
    await target.readManifest('1.0.0').catch(() => undefined);
    configured = 'changed';
    await target.statManifest('1.0.0').catch(() => undefined);

    expect(sent.slice(0, 2)).toEqual(['configured', 'rotated']);
    expect(sent).toContain('configured');
    expect(sent.at(-1)).not.toBe('rotated');
  });

  it('POST that fails for a moment: the new refresh token is used all the same, as the configured one is taken no more', async () => {
    const sent: (string | undefined)[] = [];
    protect(CHALLENGE, ({ fields }, number) => {
      sent.push(fields['refresh_token']);
      return number === 2 ? 503 : { access_token: `t${number}`, refresh_token: 'rotated' };
    });
    const target = repository(identity(() => 'configured'));

    await target.readManifest('1.0.0');
    await target.writeBlob(bufferBlob(Buffer.from('x'))).catch(() => undefined);

    expect(sent).toEqual(['configured', 'rotated', 'rotated']);
  });

  it.each<[string, CredentialSource | undefined, Issue, string, RegExp]>([
    ['refuses the credential', USER, () => 403, 'storage-denied', /getting a token for repository:team\/a:pull of 127.*token service 127.* refuses the storage credential \(403\)/],
    ['refuses anonymous access', undefined, () => 401, 'storage-denied', /refuses anonymous access \(401\)/],
    ['redirects', USER, () => 307, 'storage-denied', /redirects \(307\), where no credential is sent/],
    ['fails', USER, () => 503, 'storage-unavailable', /answered 503/],
    ['sends no token', USER, () => ({ token: '' }), 'storage-unavailable', /sent no token/],
    ['sends a token that would break a header', USER, () => ({ token: 'a\r\nhun,ter2: x' }), 'storage-unavailable', /sent no token/],
  ])('a service that %s is named, and no secret is shown', async (_name, credentials, issue, code, text) => {
    protect(CHALLENGE, issue);

    const error: unknown = await repository(credentials).readManifest('1.0.0').then(() => null, (thrown: unknown) => thrown);

    expect(error).toMatchObject({ code, message: expect.stringMatching(text) as string });
    expect(inspect(error, { depth: Infinity })).not.toMatch(/hun,ter2|Basic [A-Za-z0-9]/);
    expect(server.requests.some((request) => request.url === '/elsewhere')).toBe(false);
  });

  it('one token for 60 requests that wait, one more for as many writes, and none once it is there', async () => {
    protect(CHALLENGE, () => ({ token: 't' }));
    const target = repository(USER);

    await Promise.all(Array.from({ length: 60 }, async (_, number) => target.readManifest(`1.0.${number}`)));
    await Promise.all(Array.from({ length: 60 }, async (_, number) => target.writeBlob(bufferBlob(Buffer.from(String(number)))).catch(() => undefined)));
    await target.readManifest('2.0.0');

    expect(asked.map(({ scopes }) => scopes)).toEqual([['repository:team/a:pull'], ['repository:team/a:pull,push']]);
  });

  it('widens the scope when a write is refused for want of it', async () => {
    protect(['Bearer realm="{realm}",service="reg",scope="repository:team/a:pull,push repository:team/base:pull",error="insufficient_scope"'], ({ scopes }) => ({ token: scopes.includes('repository:team/base:pull') ? 'wide' : 'narrow' }), (token) => token === 'wide');

    await repository(USER).readManifest('1.0.0');

    expect(asked.at(-1)?.scopes).toEqual(['repository:team/a:pull', 'repository:team/a:pull,push', 'repository:team/base:pull']);
  });
});
