import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { bufferBlob, LayoutRegistry, RemoteRegistry } from '@oci-package-proxy/oci';
import { startScriptedServer, temporaryDirectory } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { collectingLogger } from '../http/probe-app.contract.ts';
import { loadConfig } from './load-config.ts';
import { registryFromConfig } from './registry-from-config.ts';

describe('registryFromConfig', () => {
  let directory: string;

  const open = async (env: Record<string, string>): Promise<ReturnType<typeof registryFromConfig>> => {
    const config = await loadConfig({ app: { name: 'alpha', port: 8081, metricsPort: 9091, basePath: '/' }, standalone: true, env: { DATA_DIR: directory, ...env } });
    return registryFromConfig(config, collectingLogger([]));
  };

  beforeAll(async () => {
    directory = await temporaryDirectory('registry');
  });
  afterAll(async () => rm(directory, { recursive: true, force: true }));

  it('opens a directory', async () => {
    const registry = await open({ STORAGE_URL: `layout:${join(directory, 'store')}` });
    const repository = registry.repository('alpha/lib');
    const blob = bufferBlob(Buffer.from('{}'));

    await repository.writeBlob(blob);

    expect(registry).toBeInstanceOf(LayoutRegistry);
    expect(await repository.statBlob(blob.digest)).toBe(2);
    await registry.close();
  });

  it.each([
    ['the variables', { STORAGE_USERNAME: 'writer', STORAGE_PASSWORD: 'pass' }, 'writer:pass'],
    ['the docker config', {}, 'docker:word'],
  ])('opens a registry with the credential of %s, below its prefix', async (_what, env, expected) => {
    const seen: string[] = [];
    const server = await startScriptedServer((request, response) => {
      seen.push(`${request.method} ${request.url} ${Buffer.from(request.headers.authorization?.replace('Basic ', '') ?? '', 'base64').toString()}`.trim());
      const known = request.headers.authorization !== undefined;
      response.writeHead(known ? 404 : 401, known ? { 'docker-distribution-api-version': 'registry/2.0' } : { 'www-authenticate': 'Basic realm="x"' }).end();
    });
    await writeFile(join(directory, 'config.json'), JSON.stringify({ auths: { [new URL(server.url).host]: { auth: Buffer.from('docker:word').toString('base64') } } }));
    const registry = await open({ STORAGE_URL: `${server.url}/prefix`, DOCKER_CONFIG: directory, ...env });

    const found = await registry.repository('alpha/lib').readManifest('tag');
    await registry.close();
    await server.stop();

    expect(registry).toBeInstanceOf(RemoteRegistry);
    expect(found).toBeNull();
    expect(seen.at(-1)).toBe(`GET /v2/prefix/alpha/lib/manifests/tag ${expected}`);
  });

  it('reads the password anew when the registry refuses the last one', async () => {
    let word = 'old';
    const server = await startScriptedServer((request, response) => {
      const known = request.headers.authorization === `Basic ${Buffer.from(`writer:${word}`).toString('base64')}`;
      response.writeHead(known ? 404 : 401, known ? { 'docker-distribution-api-version': 'registry/2.0' } : { 'www-authenticate': 'Basic realm="x"' }).end();
    });
    const file = join(directory, 'password');
    await writeFile(file, 'old\n');
    const registry = await open({ STORAGE_URL: `${server.url}/prefix`, STORAGE_USERNAME: 'writer', STORAGE_PASSWORD_FILE: file });
    const read = async (): Promise<unknown> => registry.repository('alpha/lib').readManifest('tag').catch((error: unknown) => error);

    const before = await read();
    word = 'new';
    const refused = await read();
    await rm(file);
    const gone = await read();
    await writeFile(file, 'new');
    const after = await read();
    await registry.close();
    await server.stop();

    expect([before, after]).toEqual([null, null]);
    expect(refused).toMatchObject({ code: 'storage-denied' });
    expect(gone).toMatchObject({ code: 'storage-denied', message: expect.stringContaining('STORAGE_PASSWORD_FILE') as string });
  });
});
