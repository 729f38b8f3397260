import { type ScriptedServer, startScriptedServer } from '@oci-package-proxy/testing';
import { DocumentCache, UpstreamClient } from '@oci-package-proxy/upstream';
import { afterEach, beforeEach, expect, it } from 'vitest';

import type { TerraformUpstream } from '../config/hosts.ts';
import { UpstreamRegistries } from './upstream-registry.ts';

const JSON_TYPE = 'application/json; charset=utf-8';

let server: ScriptedServer;
let client: UpstreamClient;
let upstream: TerraformUpstream;
let registries: UpstreamRegistries;

beforeEach(async () => {
  server = await startScriptedServer();
  client = new UpstreamClient({ instanceId: 'spec', allowedOrigins: [server.url], retry: { attempts: 1 }, breaker: { failures: 1000 } });
  upstream = { host: 'registry.example.com', url: server.url, http: client, documents: new DocumentCache({ upstream: client, ttlMs: 0, negativeTtlMs: 0, errorTtlMs: 0 }) };
  registries = new UpstreamRegistries();
});

afterEach(async () => {
  await client.close();
  await server.stop();
});

function answer(body: unknown, contentType = JSON_TYPE): void {
  server.answer((_request, response) => {
    response.writeHead(200, { 'content-type': contentType }).end(typeof body === 'string' ? body : JSON.stringify(body));
  });
}

it.each([
  [{ 'providers.v1': '/v1/providers/', 'modules.v1': '/v1/modules/' }, '/v1/providers/', '/v1/modules/'],
  [{ 'providers.v1': 'v1/providers' }, '/.well-known/v1/providers/', null],
  [{ 'modules.v1': 'https://modules.example.com/x/' }, null, 'https://modules.example.com/x/'],
  [{ 'providers.v1': 'http://plain.example.com/p', 'modules.v1': 5 }, 'http://plain.example.com/p/', null],
  [{ 'providers.v1': 'https://user:secret@providers.example.com/' }, 'https://providers.example.com/', null],
  [{ 'providers.v1': 'ftp://providers.example.com/' }, null, null],
  [{}, null, null],
])('finds the services that a host offers: %o', async (document, providers, modules) => {
  answer(document);
  const absolute = (url: string | null): string | null => (url === null ? null : new URL(url, server.url).href);

  expect([await registries.providersBase(upstream), await registries.modulesBase(upstream)]).toEqual([absolute(providers), absolute(modules)]);
  expect(server.requests[0]).toMatchObject({ url: '/.well-known/terraform.json', headers: { accept: 'application/json' } });
});

it('resolves services against where a redirect leads', async () => {
  server.answer((request, response) => {
    const isThere = request.url.startsWith('/elsewhere/');
    response.writeHead(isThere ? 200 : 302, isThere ? { 'content-type': JSON_TYPE } : { location: '/elsewhere/terraform.json' }).end('{"providers.v1":"p/"}');
  });

  expect(await registries.providersBase(upstream)).toBe(`${server.url}/elsewhere/p/`);
});

it.each([
  ['of another type', '{"providers.v1":"/p/"}', 'text/plain'],
  ['that is a page', '<html>Sign in</html>', 'text/html'],
  ['that is no JSON', 'nothing', JSON_TYPE],
  ['that is a list', '[]', JSON_TYPE],
])('takes no document %s', async (_, body, contentType) => {
  answer(body, contentType);

  await expect(registries.providersBase(upstream)).rejects.toMatchObject({ code: 'upstream-unavailable' });
});

it('does not take a host without a document for one without services', async () => {
  await expect(registries.modulesBase(upstream)).rejects.toMatchObject({ code: 'upstream-unavailable', message: expect.stringContaining('TERRAFORM_UPSTREAM_HOSTS') as string });
});

it('knows where services are while the host does not answer', async () => {
  answer({ 'providers.v1': '/p/' });
  await registries.providersBase(upstream);
  server.answer(() => new Promise(() => undefined));

  const begin = performance.now();
  expect(await registries.providersBase(upstream)).toBe(`${server.url}/p/`);
  expect(performance.now() - begin).toBeLessThan(1000);
});
