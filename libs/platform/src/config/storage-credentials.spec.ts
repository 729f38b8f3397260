import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { startScriptedServer, temporaryDirectory, testAuthority, type TestCertificate } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { collectingLogger } from '../http/probe-app.contract.ts';
import { configSummary } from './config-summary.ts';
import { type LoadedConfig, loadConfig } from './load-config.ts';
import { registryFromConfig } from './registry-from-config.ts';

const APP = { name: 'alpha', port: 8081, metricsPort: 9091, basePath: '/' };
const ENV = { STORAGE_URL: 'https://registry.example.com/prefix', QUEUE_URL: 'redis://127.0.0.1:6379', SECRET_KEY: 'a-secret-of-more-than-thirty-two-characters' };

describe('storage in CONFIG_FILE', () => {
  let directory: string;
  let client: TestCertificate;
  let other: TestCertificate;

  const load = async (yaml: string, env: Readonly<Record<string, string>> = {}): Promise<LoadedConfig<Record<never, never>, Record<never, never>>> => {
    const path = join(directory, 'config.yaml');
    await writeFile(path, yaml);
    return loadConfig({ app: APP, env: { ...ENV, CONFIG_FILE: path, ...env } });
  };

  beforeAll(async () => {
    directory = await temporaryDirectory('storage-credentials');
    const authority = await testAuthority(directory);
    [client, other] = [await authority.clientCertificate(), await authority.clientCertificate()];
    await Promise.all(['secret', 'token', 'key.json'].map((name) => writeFile(join(directory, name), `hidden ${name}\n`)));
  });
  afterAll(async () => rm(directory, { recursive: true, force: true }));

  it.each<[string, string, object]>([
    ['keys of ECR', '{ kind: ecr, endpoint: "https://api.example.com", region: eu-1, keys: { accessKeyId: A, secretAccessKeyFile: secret } }', { keys: { secretAccessKeyFile: 'secret' } }],
    ['a role of ECR', '{ kind: ecr, endpoint: "https://api.example.com", region: eu-1, webIdentity: { endpoint: "https://sts.example.com", roleArn: r, tokenFile: token } }', { webIdentity: { tokenFile: 'token' } }],
    ['the container of ECR', '{ kind: ecr, endpoint: "https://api.example.com", region: eu-1, container: { url: "http://192.0.2.1/v1", tokenFile: token } }', { container: { tokenFile: 'token' } }],
    ['a key of GAR', '{ kind: gar, serviceAccount: { keyFile: key.json, scope: "https://example.com/s" } }', { serviceAccount: { keyFile: 'key.json' } }],
    ['a principal of ACR', '{ kind: acr, tenant: t, servicePrincipal: { tokenUrl: "https://login.example.com/t", clientId: c, scope: s, clientSecretFile: secret } }', { servicePrincipal: { clientSecretFile: 'secret' } }],
    ['an identity of ACR', '{ kind: acr, managedIdentity: { url: "http://192.0.2.1/token?resource=r" } }', {}],
  ])('takes %s, with its files where they are', async (_name, yaml, files) => {
    const { storage } = await load(`storage: { credentials: ${yaml} }`);

    const places = JSON.parse(JSON.stringify(files), (_key, value: unknown) => (typeof value === 'string' ? join(directory, value) : value)) as object;
    expect(storage.credentials).toMatchObject(places);
  });

  it('takes a client certificate', async () => {
    const { storage } = await load(`storage: { clientCertFile: ${client.certFile}, clientKeyFile: ${client.keyFile} }`);

    expect(storage.clientCertificate).toEqual({ certFile: client.certFile, keyFile: client.keyFile });
  });

  it.each<[string, string, RegExp, Record<string, string>]>([
    ['another cloud', 'credentials: { kind: hidden }', /storage\.credentials.*kind must be ecr, gar or acr/, {}],
    ['two ways at once', 'credentials: { kind: gar, serviceAccount: { keyFile: key.json, scope: s }, metadata: { url: "http://192.0.2.1" } }', /credentials: give exactly one of serviceAccount and metadata/, {}],
    ['no way at all', 'credentials: { kind: ecr, endpoint: "https://api.example.com", region: eu-1 }', /credentials: give exactly one of keys, webIdentity and container/, {}],
    ['no endpoint', 'credentials: { kind: ecr, region: eu-1, container: { url: "http://192.0.2.1" } }', /storage\.credentials\.endpoint: must be an http/, {}],
    ['a secret in place of its file', 'credentials: { kind: ecr, endpoint: "https://api.example.com", region: eu-1, keys: { accessKeyId: A, secretAccessKey: hidden } }', /credentials\.keys.*secretAccessKey/, {}],
    ['a secret that is not there', 'credentials: { kind: gar, serviceAccount: { keyFile: none, scope: s } }', /credentials\.serviceAccount\.keyFile: the file cannot be read/, {}],
    ['a user besides', 'credentials: { kind: gar, metadata: { url: "http://192.0.2.1" } }', /STORAGE_USERNAME: CONFIG_FILE\.storage\.credentials signs in/, { STORAGE_USERNAME: 'u', STORAGE_PASSWORD: 'hidden' }],
    ['a directory', 'credentials: { kind: gar, metadata: { url: "http://192.0.2.1" } }', /storage\.credentials: needs a registry as STORAGE_URL/, { STORAGE_URL: 'layout:x' }],
    ['half a certificate', 'clientCertFile: secret', /clientCertFile and clientKeyFile belong together/, {}],
    ['what is no certificate', 'clientCertFile: secret, clientKeyFile: secret', /clientCertFile: is no PEM certificate of the PEM key/, {}],
  ])('refuses %s, without its values', async (_name, yaml, text, env) => {
    const outcome = load(`storage: { ${yaml} }`, env);

    await expect(outcome).rejects.toMatchObject({ code: 'config', message: expect.stringMatching(text) as string });
    await expect(outcome).rejects.toMatchObject({ message: expect.not.stringContaining('hidden') as string });
  });

  it('refuses the certificate of another key, and one for a registry without TLS', async () => {
    await expect(load(`storage: { clientCertFile: ${client.certFile}, clientKeyFile: ${other.keyFile} }`)).rejects.toMatchObject({ message: expect.stringContaining('is no PEM certificate of the PEM key') as string });
    const plain = load(`storage: { clientCertFile: ${client.certFile}, clientKeyFile: ${client.keyFile} }`, { STORAGE_URL: 'http://registry.example.com' });
    await expect(plain).rejects.toMatchObject({ message: expect.stringContaining('needs an https:// registry') as string });
  });

  it('signs in to the registry with what the cloud gives', async () => {
    const seen: string[] = [];
    const server = await startScriptedServer((request, response) => {
      if (request.url === '/metadata') {
        response.end('{"access_token":"given","expires_in":3600}');
        return;
      }
      seen.push(Buffer.from(request.headers.authorization?.replace('Basic ', '') ?? '', 'base64').toString());
      response.writeHead(seen.at(-1) === '' ? 401 : 404, { 'docker-distribution-api-version': 'registry/2.0', 'www-authenticate': 'Basic realm="x"' }).end();
    });
    const config = await load(`storage: { credentials: { kind: gar, metadata: { url: "${server.url}/metadata" } } }`, { STORAGE_URL: server.url });
    const registry = registryFromConfig(config, collectingLogger([]));

    const found = await registry.repository('alpha/lib').readManifest('tag');

    await registry.close();
    await server.stop();
    expect([found, seen]).toEqual([null, ['', 'oauth2accesstoken:given']]);
    expect(configSummary(config)['STORAGE_USERNAME']).toBe('(gar)');
  });
});
