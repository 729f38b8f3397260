import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type ScriptedServer, startScriptedServer, temporaryDirectory } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { RemoteRegistry } from '../../remote-registry.ts';
import { type CloudCredentials, cloudCredentials } from './cloud-credentials.ts';

let server: ScriptedServer;
let directory: string;
let registry: RemoteRegistry | null;

beforeEach(async () => {
  server = await startScriptedServer();
  directory = await temporaryDirectory('cloud-registry');
  registry = null;
});
afterEach(async () => {
  await registry?.close();
  await server.stop();
  await rm(directory, { recursive: true, force: true });
});

function connect(options: CloudCredentials, clock: () => number = Date.now): RemoteRegistry {
  registry = new RemoteRegistry({ url: server.url, retry: { attempts: 1, baseMs: 1 }, credentials: cloudCredentials(options, { registry: new URL(server.url), clock }) });
  return registry;
}

function paths(): readonly string[] {
  return server.requests.map((request) => request.url.replace(/\?.*$/, ''));
}

describe('a cloud registry', () => {
  it('ACR: identity, exchange and token are asked for once, whoever waits', async () => {
    server.answer((request, response) => {
      const path = request.url.replace(/\?.*$/, '');
      const form = new URLSearchParams(request.body.toString());
      const answers: Record<string, object | null> = {
        '/identity': { access_token: 'directory' },
        '/oauth2/exchange': form.get('access_token') === 'directory' ? { refresh_token: 'refresh' } : null,
        '/oauth2/token': form.get('refresh_token') === 'refresh' && form.get('scope') === 'repository:a:pull' ? { access_token: 'access' } : null,
      };
      if (path in answers) {
        response.writeHead(answers[path] === null ? 400 : 200).end(JSON.stringify(answers[path]));
        return;
      }
      const known = request.headers.authorization === 'Bearer access';
      response.writeHead(known ? 404 : 401, known ? { 'docker-distribution-api-version': 'registry/2.0' } : { 'www-authenticate': `Bearer realm="${server.url}/oauth2/token",service="acr"` }).end();
    });
    const repository = connect({ kind: 'acr', managedIdentity: { url: `${server.url}/identity?resource=r` } }).repository('a');

    const found = await Promise.all(Array.from({ length: 40 }, async (_, number) => repository.readManifest(`1.0.${number}`)));

    expect(found.every((manifest) => manifest === null)).toBe(true);
    expect(paths().filter((path) => !path.startsWith('/v2/'))).toEqual(['/identity', '/oauth2/exchange', '/oauth2/token']);
  });

  it('ECR: a token that is refused before its end is replaced, and a refusal of what is new is final', async () => {
    let issued = 0;
    let good = (user: string): boolean => user === 'AWS:1';
    server.answer((request, response) => {
      if (request.url === '/api') {
        issued += 1;
        response.end(JSON.stringify({ authorizationData: [{ authorizationToken: Buffer.from(`AWS:${issued}`).toString('base64'), expiresAt: 4e9 }] }));
        return;
      }
      const user = Buffer.from(request.headers.authorization?.slice('Basic '.length) ?? '', 'base64').toString();
      response.writeHead(good(user) ? 404 : 401, { 'docker-distribution-api-version': 'registry/2.0', 'www-authenticate': 'Basic realm="ecr",service="ecr"' }).end();
    });
    await writeFile(join(directory, 'secret'), 'secret');
    let later = 0;
    const options = { kind: 'ecr', endpoint: `${server.url}/api`, region: 'eu-1', keys: { accessKeyId: 'A', secretAccessKeyFile: join(directory, 'secret') } } as const;
    const repository = connect(options, () => Date.now() + later).repository('a');

    await repository.readManifest('1.0.0');
    later = 120_000;
    good = (user) => user === 'AWS:2';
    await repository.readManifest('1.0.0');
    good = () => false;
    const refused = await repository.readManifest('1.0.0').then(() => null, (error: unknown) => error);
    await repository.readManifest('1.0.0').catch(() => undefined);

    // The second is younger than a minute: another would be refused as well, and the cloud is not asked for each request.
    expect(issued).toBe(2);
    expect(refused).toMatchObject({ code: 'storage-denied', message: expect.stringContaining('reading manifest 1.0.0 in a') as string });
  });
});
