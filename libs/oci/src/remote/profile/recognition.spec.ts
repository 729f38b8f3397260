import type { ServerResponse } from 'node:http';

import { type RunningRegistry, type ScriptedServer, startDockerRegistry, startScriptedServer, startTokenAuthProxy } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { staticCredentials } from '../auth/credentials.ts';
import { RemoteRegistry } from '../remote-registry.ts';
import type { Product } from './registry-profile.ts';

/** bcrypt of `s3cret:with colon`. */
const HTPASSWD = 'user:$2b$04$vt//tjhF3OQb9/vFv6oVTef5p6E2UrpAuHfdWfNGrOLcHxUQPhGeC\n';
const VERSION = { 'docker-distribution-api-version': 'registry/2.0' };
const EXTENSIONS = '{"extensions":[{"name":"_zot","url":"https://example.com","description":"","endpoints":["/v2/_zot/ext/mgmt"]}]}';

type Reply = readonly [number, Readonly<Record<string, string>>, string];

describe('recognising a registry', () => {
  let server: ScriptedServer;
  let opened: RemoteRegistry[];

  beforeEach(async () => {
    server = await startScriptedServer();
    opened = [];
  });
  afterEach(async () => {
    await Promise.all(opened.map((registry) => registry.close()));
    await server.stop();
  });

  function connect(url = server.url): RemoteRegistry {
    const registry = new RemoteRegistry({ url: `${url}/team`, retry: { attempts: 2, baseMs: 5 }, credentials: staticCredentials('user', 's3cret:with colon') });
    opened.push(registry);
    return registry;
  }

  function reply(response: ServerResponse, [status, headers, body]: Reply): void {
    response.writeHead(status, headers).end(body);
  }

  /** The base to strangers and to us, the tag list, and the extensions. */
  function script(base: Reply, { tags = [404, VERSION, ''], extensions = [404, VERSION, ''] }: { readonly tags?: Reply; readonly extensions?: Reply } = {}): void {
    server.answer((request, response) => {
      const known = base[0] === 200 || request.headers.authorization !== undefined;
      const further = request.url.includes('/tags/list') ? tags : extensions;
      reply(response, request.url === '/v2/' || !known ? base : further);
    });
  }

  const basic = (headers: Readonly<Record<string, string>> = {}): Reply => [401, { 'www-authenticate': 'Basic realm="r"', ...headers }, '{"errors":[{"code":"UNAUTHORIZED"}]}'];
  const bearer = (service: string): Reply => [401, { 'www-authenticate': `Bearer realm="https://example.com/token",service="${service}"`, ...VERSION }, ''];
  const unknown: Reply = [404, VERSION, '{"errors":[{"code":"NAME_UNKNOWN"}]}'];
  const negative: Reply = [400, VERSION, '{"errors":[{"code":"PAGINATION_NUMBER_INVALID"}]}'];

  it.each<[string, Product | null, number, () => void]>([
    ['Harbor, by its token service', 'harbor', 1, () => script(bearer('harbor-registry'))],
    ['distribution 2', 'distribution-2', 2, () => script([200, VERSION, '{}'], { tags: unknown })],
    ['distribution 3', 'distribution-3', 2, () => script([200, VERSION, '{}'], { tags: negative })],
    ['distribution 3 with passwords', 'distribution-3', 3, () => script(basic(VERSION), { tags: negative })],
    ['zot', 'zot', 2, () => script([200, VERSION, ''], { extensions: [200, {}, EXTENSIONS] })],
    ['zot with passwords', 'zot', 3, () => script(basic(), { extensions: [200, {}, EXTENSIONS] })],
    ['zot without extensions', null, 2, () => script([200, VERSION, ''])],
    ['a hosted one with a token service', null, 1, () => script(bearer('registry.example.com'))],
    ['one whose Basic names a service', null, 1, () => script(basic({ 'www-authenticate': 'Basic realm="https://r.example.com/",service="example.com"', ...VERSION }))],
    ['a fork of distribution', null, 2, () => script([200, { ...VERSION, 'gitlab-container-registry-version': '4' }, '{}'], { tags: unknown })],
    ['something else with that header', null, 2, () => script([200, VERSION, '{}'], { tags: [200, {}, '{"tags":[]}'] })],
    ['no registry', null, 1, () => script([404, {}, 'nothing'])],
  ])('%s', async (_, product, requests, play) => {
    play();

    expect(await connect().recognise()).toBe(product);
    // A 401 that asks for our credential is a third one, and no question.
    expect(server.requests).toHaveLength(requests);
    expect(server.requests.every(({ method }) => method === 'GET')).toBe(true);
  });

  it('is asked once by many, and once for all', async () => {
    script([200, VERSION, '{}'], { tags: unknown });
    const registry = connect();

    expect(await Promise.all([registry.recognise(), registry.recognise()])).toEqual(['distribution-2', 'distribution-2']);
    expect(await registry.recognise()).toBe('distribution-2');
    expect(server.requests).toHaveLength(2);
  });

  it('is asked again after a failure', async () => {
    const registry = connect();
    server.answer((_request, response) => void response.destroy());

    await expect(registry.recognise()).rejects.toMatchObject({ code: 'storage-unavailable' });
    script(bearer('harbor-registry'));

    expect(await registry.recognise()).toBe('harbor');
  });

  it('is not waited for by whoever gave up, and others still hear of it', async () => {
    const held = Promise.withResolvers<void>();
    server.answer(async (_request, response) => {
      await held.promise;
      reply(response, bearer('harbor-registry'));
    });
    const registry = connect();
    const caller = new AbortController();
    const [first, second] = [registry.recognise({ signal: caller.signal }), registry.recognise()];

    caller.abort();
    await expect(first).rejects.toMatchObject({ code: 'aborted' });
    held.resolve();

    expect(await second).toBe('harbor');
  });

  it('knows docker-registry, open and with passwords, and says nothing behind a token service', async () => {
    const running: RunningRegistry[] = await Promise.all([startDockerRegistry(), startDockerRegistry({ htpasswd: HTPASSWD })]);
    const [open = expect.fail(), closed = expect.fail()] = running;
    const proxy = await startTokenAuthProxy({ target: open.url });

    expect(await Promise.all([open, closed, proxy].map(({ url }) => connect(url).recognise()))).toEqual(['distribution-2', 'distribution-2', null]);

    await proxy.stop();
    await Promise.all(running.map((registry) => registry.stop()));
  });
});
