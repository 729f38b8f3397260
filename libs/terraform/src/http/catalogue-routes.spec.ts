import { fastify } from 'fastify';
import { expect, it } from 'vitest';

import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import { RouteTable } from '@oci-package-proxy/platform';

import type { ModuleAddress } from '../model/address.ts';
import type { ModuleDetail } from '../read/read-port.ts';
import { catalogueRoutes } from './catalogue-routes.ts';
import { JsonDocuments } from './json-documents.ts';
import type { ReadContext } from './read-context.ts';

const AWAY = new ProxyError('upstream-unavailable', 'away');

/** Asks for a list of modules, each of which is there, gone (null), or known to an upstream alone that fails. */
async function listOf(modules: Readonly<Record<string, ProxyError | 'there' | null>>): Promise<{ readonly code: string; readonly names: readonly string[] }> {
  const address = (name: string): ModuleAddress => ({ host: 'registry.example.com', namespace: 'acme', name, system: 'aws' });
  const reader = {
    async *addresses() {
      yield* Object.keys(modules).map(address);
    },
    async detail(one: ModuleAddress): Promise<ModuleDetail | null> {
      const is = modules[one.name];
      return is instanceof ProxyError ? Promise.reject(is) : Promise.resolve(is === 'there' ? { address: one, version: '1.0.0', publishedAt: '', document: null, versions: ['1.0.0'] } : null);
    },
  };
  const context = { gate: { authorize: () => undefined, readable: (_who: unknown, items: readonly unknown[]) => items }, hosts: { own: 'registry.example.com', isOwn: () => true } } as unknown as ReadContext;
  const routes = new RouteTable(catalogueRoutes({ context, config: { publicUrl: null }, reader, documents: new JsonDocuments() }));
  const app = fastify();
  app.get('/modules/v1', async (request, reply) =>
    routes.find('GET', ['modules', 'v1'])?.route.handler({ request, reply, params: {}, who: { kind: 'anonymous', name: 'anonymous', tokenId: null }, started: performance.now() }).catch((error: unknown) => reply.send({ code: isProxyError(error) ? error.code : 'other' })),
  );
  const { code = 'ok', modules: listed = [] } = (await app.inject('/modules/v1')).json<{ readonly code?: string; readonly modules?: readonly { readonly name: string }[] }>();
  await app.close();
  return { code, names: listed.map(({ name }) => name) };
}

it('lists the modules that can be told of while an upstream is away, and says that it is where none can', async () => {
  expect(await listOf({ one: 'there', two: AWAY, three: null })).toEqual({ code: 'ok', names: ['one'] });
  expect(await listOf({ two: AWAY, three: null })).toEqual({ code: 'upstream-unavailable', names: [] });
  expect(await listOf({ three: null })).toEqual({ code: 'ok', names: [] });
  expect(await listOf({ one: 'there', two: new ProxyError('storage-unavailable', 'broken') })).toEqual({ code: 'storage-unavailable', names: [] });
});
