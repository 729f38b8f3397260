import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { TLSSocket } from 'node:tls';

import { type RunningRegistry, startDockerRegistry, temporaryDirectory, type TestAuthority, testAuthority, type TestCertificate } from '@oci-package-proxy/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { bufferBlob } from '../model/blob-source.ts';
import { digestOf } from '../model/digest.ts';
import type { Repository } from '../ports/repository.ts';
import { RemoteRegistry, type RemoteRegistryOptions } from './remote-registry.ts';

let directory: string;
let authority: TestAuthority;
let client: TestCertificate;
let server: RunningRegistry;
let opened: RemoteRegistry[] = [];

beforeAll(async () => {
  directory = await temporaryDirectory('registry-tls');
  authority = await testAuthority(directory);
  client = await authority.clientCertificate();
  server = await startDockerRegistry({ tls: { ...(await authority.certificate()), clientCaFile: authority.caFile } });
});

afterEach(async () => {
  await Promise.all(opened.map((registry) => registry.close()));
  opened = [];
});

afterAll(async () => {
  await server.stop();
  await rm(directory, { recursive: true, force: true });
});

function connect(options: Partial<RemoteRegistryOptions>): RemoteRegistry {
  const registry = new RemoteRegistry({ url: server.url, retry: { attempts: 1, baseMs: 1 }, ...options });
  opened.push(registry);
  return registry;
}

async function roundTrip(repository: Repository, text: string): Promise<string | null> {
  await repository.writeBlob(bufferBlob(Buffer.from(text)));
  const body = await repository.readBlob(digestOf(text));
  return body === null ? null : (await buffer(body.stream)).toString();
}

describe('docker-registry that wants a client certificate', () => {
  it('takes ours', async () => {
    const registry = connect({ ca: authority.ca, clientCertificate: client });

    await registry.check();

    expect(await roundTrip(registry.repository('a'), 'certified')).toBe('certified');
  });

  it.each<[string, () => Partial<RemoteRegistryOptions>]>([
    ['without a certificate', () => ({ ca: authority.ca })],
    ['without trust in its CA', () => ({ clientCertificate: client })],
  ])('is unavailable %s, and the text names it', async (_name, options) => {
    const outcome = connect(options()).repository('a').readManifest('1.0.0');

    await expect(outcome).rejects.toMatchObject({ code: 'storage-unavailable', message: expect.stringMatching(/reading manifest 1\.0\.0 in a: .*127\.0\.0\.1/) as string });
  });

  it('is shown a new certificate as soon as there is one, without a restart', async () => {
    const files = { certFile: join(directory, 'current.pem'), keyFile: join(directory, 'current-key.pem') };
    const registry = connect({ ca: authority.ca, clientCertificate: files });
    const missing = await registry.check().then(() => null, (error: unknown) => error);
    await mkdir(join(directory, 'stranger'));
    const stranger = await (await testAuthority(join(directory, 'stranger'))).clientCertificate();
    await Promise.all([copyFile(stranger.certFile, files.certFile), copyFile(stranger.keyFile, files.keyFile)]);
    const refused = await registry.check().then(() => null, (error: unknown) => error);

    await Promise.all([writeFile(files.certFile, client.cert), writeFile(files.keyFile, client.key)]);

    await expect(registry.check()).resolves.toBeUndefined();
    expect(missing).toMatchObject({ code: 'config', message: expect.stringContaining('current.pem cannot be read') as string });
    expect(refused).toMatchObject({ code: 'storage-unavailable' });
  });
});

it('shows the certificate to the registry alone, not to where it redirects', async () => {
  const { cert, key } = await authority.certificate();
  const seen: Record<string, boolean> = {};
  const start = async (name: string, answer: (path: string) => string | null): Promise<{ port: number; stop: () => Promise<void> }> => {
    const https = createServer({ cert, key, requestCert: true, rejectUnauthorized: false }, (request, response) => {
      seen[name] = Object.keys((request.socket as TLSSocket).getPeerCertificate()).length > 0;
      const location = answer(request.url ?? '');
      response.writeHead(location === null ? 200 : 307, location === null ? { 'content-length': 1 } : { location }).end(location === null ? 'x' : undefined);
    });
    await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve));
    return { port: (https.address() as AddressInfo).port, stop: async () => void https.close(https.closeAllConnections() as undefined) };
  };
  const store = await start('store', () => null);
  const front = await start('front', (path) => `https://127.0.0.1:${store.port}${path}`);

  const body = await connect({ url: `https://127.0.0.1:${front.port}`, ca: authority.ca, clientCertificate: client }).repository('a').readBlob(digestOf('x'));

  expect(body === null ? null : (await buffer(body.stream)).toString()).toBe('x');
  expect(seen).toEqual({ front: true, store: false });
  await Promise.all([front.stop(), store.stop()]);
});
