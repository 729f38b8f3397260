import { rm } from 'node:fs/promises';

import { cliConfig, freePort, moduleArchive, providerRelease, rootModule, signingKey, temporaryDirectory, type TestAuthority, testAuthority } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { PLATFORMS } from './own-platform.ts';
import { AVAILABLE, programPath } from './terraform-programs.ts';
import { ADMIN_TOKEN, startTerraformStandalone, type TerraformStandalone } from './terraform-standalone.ts';
import { startTlsRelay, type TlsRelay } from './tls-relay.ts';

describe('behind a gateway that takes a path away', () => {
  let directory: string;
  let authority: TestAuthority;
  let proxy: TerraformStandalone;
  let gateway: TlsRelay;

  beforeAll(async () => {
    directory = await temporaryDirectory('terraform-gateway');
    authority = await testAuthority(directory);
    const port = await freePort();
    proxy = await startTerraformStandalone({ PUBLIC_URL: `https://127.0.0.1:${port}/packages`, ANONYMOUS_READ: 'false' });
    gateway = await startTlsRelay(proxy.origin, authority, { port, strip: '/packages' });
    const key = await signingKey();
    expect((await proxy.addKey('acme', key.publicKey)).status).toBe(201);
    expect((await proxy.publishProvider('acme/demo/1.0.0', (await providerRelease({ type: 'demo', version: '1.0.0', platforms: PLATFORMS, key })).files)).status).toBe(201);
    expect((await proxy.publishModule('acme/network/aws/1.0.0', moduleArchive({ files: { 'main.tf': '' } }).bytes)).status).toBe(201);
  });
  afterAll(async () => {
    await gateway?.close();
    await proxy?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it.each(AVAILABLE)('%s finds, signs in to and installs everything by the gateway\'s address alone', async (program) => {
    const client = await proxy.client(program.replaceAll(' ', '-'), programPath(program), cliConfig({ credentials: { [gateway.host]: ADMIN_TOKEN } }));
    const main = rootModule({ providers: { demo: { source: `${gateway.host}/acme/demo` } }, modules: { network: { source: `${gateway.host}/acme/network/aws`, version: '1.0.0' } } });
    const since = gateway.requests.length;

    const result = await client.run(['init', '-no-color'], { cwd: await client.project('gateway', { 'main.tf': main }), environment: { SSL_CERT_FILE: authority.caFile } });

    expect(result.code, result.output).toBe(0);
    const paths = gateway.requests.slice(since).map(({ path }) => path);
    expect(paths.filter((path) => path !== '/.well-known/terraform.json' && !path.startsWith('/packages/terraform/'))).toEqual([]);
    // What needs no credential is not shown one.
    expect(gateway.requests.slice(since).filter(({ path, headers }) => path.includes('/files/') && headers.authorization !== undefined)).toEqual([]);
  });
});
