import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type Product, type RegistryProfile, registryProfile, RemoteRegistry } from '@oci-package-proxy/oci';
import { type ScriptedServer, startScriptedServer, temporaryDirectory } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { collectingLogger } from '../http/probe-app.contract.ts';
import { loadConfig } from './load-config.ts';
import { otherStorage, productNamed } from './other-storage.ts';

const OWN = { STORAGE_USERNAME: 'writer', STORAGE_PASSWORD: 'pass' };

describe('otherStorage', () => {
  let directory: string;
  let server: ScriptedServer;

  beforeEach(async () => {
    directory = await temporaryDirectory('other');
    server = await startScriptedServer((request, response) => {
      const known = request.headers.authorization !== undefined;
      response.writeHead(known ? 404 : 401, known ? { 'docker-distribution-api-version': 'registry/2.0' } : { 'www-authenticate': 'Basic realm="x"' }).end();
    });
  });
  afterEach(async () => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });

  async function credentialSent(storageUrl: string): Promise<string> {
    await writeFile(join(directory, 'config.json'), JSON.stringify({ auths: { [new URL(server.url).host]: { auth: Buffer.from('docker:word').toString('base64') } } }));
    const config = await loadConfig({ app: { name: 'alpha', port: 8081, metricsPort: 9091, basePath: '/' }, standalone: true, env: { DATA_DIR: directory, DOCKER_CONFIG: directory, STORAGE_URL: storageUrl, ...OWN } });
    const registry = otherStorage(config, { url: `${server.url}/elsewhere` }, collectingLogger([]));
    await registry.repository('lib').readManifest('tag');
    await registry.close();
    return Buffer.from(server.requests.at(-1)?.headers.authorization?.replace('Basic ', '') ?? '', 'base64').toString();
  }

  describe('goes by', () => {
    async function profileOf(url: string, product?: Product): Promise<RegistryProfile> {
      const file = join(directory, 'config.yaml');
      await writeFile(file, 'storage: { product: docker-hub, capabilities: { tagsPerPage: 7 } }');
      const config = await loadConfig({ app: { name: 'alpha', port: 8081, metricsPort: 9091, basePath: '/' }, standalone: true, env: { DATA_DIR: directory, CONFIG_FILE: file, STORAGE_URL: 'https://registry.example.com/old' } });
      const registry = otherStorage(config, { url, product }, collectingLogger([]));
      await registry.close();
      return registry instanceof RemoteRegistry ? registry.profile : expect.fail();
    }

    it('what CONFIG_FILE says of the registry of STORAGE_URL, whatever the prefix', async () => {
      expect(await profileOf('https://registry.example.com/new')).toMatchObject({ product: 'docker-hub', names: 'flat', tagsPerPage: 7 });
    });

    it('nothing of that for another registry', async () => {
      expect(await profileOf('https://other.example.com/new')).toEqual(registryProfile());
    });

    it.each(['https://registry.example.com/new', 'https://other.example.com/new'])('the product that is named, for %s', async (url) => {
      expect(await profileOf(url, 'quay')).toEqual(registryProfile({ product: 'quay' }));
    });

    it('no product for a directory', async () => {
      await expect(profileOf('layout:somewhere', 'quay')).rejects.toMatchObject({ code: 'invalid' });
      expect(() => productNamed('nexus', 'from-product')).toThrow(/^--from-product must be one of acr, /);
      expect([productNamed('zot', 'product'), productNamed(undefined, 'product')]).toEqual(['zot', undefined]);
    });
  });

  it('sends the storage credential to the registry that it is for', async () => {
    expect(await credentialSent(`${server.url}/prefix`)).toBe('writer:pass');
  });

  it('sends it to no other registry: there the docker config says who we are', async () => {
    expect(await credentialSent('https://registry.example.com/prefix')).toBe('docker:word');
    expect(await credentialSent(`http://127.0.0.1:${server.port + 1}`)).toBe('docker:word');
  });
});
