import { appendFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type AccountsRegistry, eventually, type NpmClient, pythonClients, type RunningRegistry, startAccountsRegistry, startDockerRegistry, temporaryDirectory, wheelFile } from '@oci-package-proxy/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { ADMIN_TOKEN, startStandalone, type Standalone } from './standalone.ts';

const PASSWORDS = { alice: 'alice-has-a-secret', bob: 'bob-has-a-secret', carol: 'carol-has-a-secret', dave: 'dave-has-a-secret', service: 'service-has-a-secret' } as const;
type Name = keyof typeof PASSWORDS;
const ALL = ['pull', 'push', 'delete'] as const;

function pair(name: Name, password: string = PASSWORDS[name]): string {
  return Buffer.from(`${name}:${password}`).toString('base64');
}

describe('the accounts of a registry, at the doors of the proxy', () => {
  let behind: RunningRegistry;
  let registry: AccountsRegistry;
  let proxy: Standalone;
  let directory: string;

  beforeAll(async () => {
    directory = await temporaryDirectory('pass-through');
    behind = await startDockerRegistry({ deletes: true });
    registry = await startAccountsRegistry({
      target: behind.url,
      form: 'jwt',
      accounts: {
        service: { password: PASSWORDS.service, rights: { 'team/': ALL } },
        alice: { password: PASSWORDS.alice, rights: { 'team/npm/a': ALL, 'team/pypi/a': ALL } },
        bob: { password: PASSWORDS.bob, rights: { 'team/npm/a': ['pull'], 'team/pypi/a': ['pull'], 'team/terraform/': ['pull'] } },
        carol: { password: PASSWORDS.carol, rights: {} },
        dave: { password: PASSWORDS.dave, rights: { 'team/npm/a': ['pull'] } },
      },
    });
    proxy = await startStandalone({
      STORAGE_URL: `${registry.url}/team`,
      STORAGE_USERNAME: 'service',
      STORAGE_PASSWORD: PASSWORDS.service,
      REGISTRY_PASS_THROUGH: 'on',
      ANONYMOUS_READ: 'false',
      NPM_UPSTREAM_URL: 'off',
      PYPI_UPSTREAM_URL: 'off',
      LOG_LEVEL: 'trace',
    });
  });
  afterAll(async () => {
    await proxy.stop();
    await registry.stop();
    await behind.stop();
    await rm(directory, { recursive: true, force: true });
  });
  afterEach(() => {
    const output = proxy.app.output();
    const secrets = Object.entries(PASSWORDS).flatMap(([name, password]) => [password, pair(name as Name)]);
    expect(secrets.filter((secret) => output.includes(secret))).toEqual([]);
    expect(output).not.toMatch(/Bearer |Basic [A-Za-z0-9]/);
  });

  async function npmOf(name: Name, label: string, password?: string): Promise<NpmClient> {
    const npm = await proxy.client(`${name}-${label}`, null);
    await appendFile(join(npm.directory, '.npmrc'), `${proxy.registry.replace(/^http:/, '')}:_auth=${pair(name, password)}\n`);
    return npm;
  }

  async function ask(name: Name, path: string, how: RequestInit & { readonly scheme?: string } = {}): Promise<Response> {
    return fetch(`${proxy.origin}${path}`, { ...how, headers: { ...(how.headers as Readonly<Record<string, string>> | undefined), authorization: `${how.scheme ?? 'Basic'} ${pair(name)}` } });
  }

  it('npm publishes for who may push, installs for who may pull, and is refused for everybody else', async () => {
    const alice = await npmOf('alice', 'npm');
    const bob = await npmOf('bob', 'npm');
    const carol = await npmOf('carol', 'npm');

    const published = await alice.run(['publish'], { cwd: await alice.makePackage({ name: 'a-lib', version: '1.0.0' }) });
    const elsewhere = await alice.run(['publish'], { cwd: await alice.makePackage({ name: 'b-lib', version: '1.0.0' }) });
    const refused = await bob.run(['publish'], { cwd: await bob.makePackage({ name: 'a-lib', version: '1.0.1' }) });
    const installed = await bob.run(['install', 'a-lib'], { cwd: await bob.makePackage({ name: 'project', version: '1.0.0' }) });
    const hidden = await carol.run(['install', 'a-lib'], { cwd: await carol.makePackage({ name: 'project', version: '1.0.0' }) });
    const who = await alice.run(['whoami']);

    expect(published.output).toContain('+ a-lib@1.0.0');
    expect(elsewhere.output).toMatch(/alice may not publish npm package b-lib: the registry that keeps the packages does not let this account push there/);
    expect(refused.output).toMatch(/bob may not publish npm package a-lib/);
    expect(installed.code, installed.output).toBe(0);
    expect(hidden.output).toMatch(/E403/);
    expect(who.stdout.trim()).toBe('alice');
  });

  it('npm unpublishes for who may delete', async () => {
    const alice = await npmOf('alice', 'unpublish');
    const bob = await npmOf('bob', 'unpublish');
    await alice.run(['publish'], { cwd: await alice.makePackage({ name: 'a-gone', version: '1.0.0' }) });

    const refused = await bob.run(['unpublish', 'a-gone@1.0.0', '--force']);
    const done = await alice.run(['unpublish', 'a-gone@1.0.0', '--force']);

    expect(refused.output).toMatch(/bob may not/);
    expect(done.code, done.output).toBe(0);
  });

  it('prints that a password is wrong', async () => {
    const wrong = await npmOf('alice', 'wrong', 'a-wrong-one');

    const result = await wrong.run(['view', 'a-lib']);

    expect(result.code).not.toBe(0);
    expect(result.output).toMatch(/E401/);
    expect((await fetch(`${proxy.registry}a-lib`, { headers: { authorization: `Basic ${pair('alice', 'a-wrong-one')}` } })).status).toBe(401);
  });

  it('twine uploads for who may push, and pip downloads for who may pull', async () => {
    const clients = await pythonClients({ directory: join(directory, 'python'), index: `${proxy.origin}/pypi/simple/`, upload: `${proxy.origin}/pypi/legacy/` });
    const { filename, bytes } = wheelFile({ name: 'a-tool', version: '1.0.0' });
    const wheel = join(clients.directory, filename);
    await writeFile(wheel, bytes);
    const twine = async (name: Name): ReturnType<typeof clients.twine> => clients.twine(['upload', '--non-interactive', wheel], { environment: { TWINE_USERNAME: name, TWINE_PASSWORD: PASSWORDS[name] } });
    const pip = async (name: Name): ReturnType<typeof clients.pip> => {
      const index = `${proxy.origin.replace('://', `://${name}:${PASSWORDS[name]}@`)}/pypi/simple/`;
      return clients.pip(['download', '--no-deps', '--no-cache-dir', '--dest', join(clients.directory, name), '--index-url', index, 'a-tool']);
    };

    const refused = await twine('bob');
    const uploaded = await twine('alice');
    const downloaded = await pip('bob');
    const hidden = await pip('carol');

    expect(refused.output).toMatch(/403/);
    expect(uploaded.code, uploaded.output).toBe(0);
    expect(downloaded.code, downloaded.output).toBe(0);
    expect(hidden.code).not.toBe(0);
    expect(await (await ask('bob', '/pypi/simple/')).text()).toContain('a-tool');
    expect(await (await ask('carol', '/pypi/simple/')).text()).not.toContain('a-tool');
  });

  it('takes user name and password in base64 as the token of terraform', async () => {
    const path = '/terraform/providers/v1/acme/thing/versions';

    expect((await ask('bob', path, { scheme: 'Bearer' })).status).toBe(404);
    expect((await ask('carol', path, { scheme: 'Bearer' })).status).toBe(403);
  });

  it('keeps answers for the one who asked, and none of them for everybody', async () => {
    const answer = await ask('bob', '/npm/a-lib');
    const file = await ask('bob', '/npm/a-lib/-/a-lib-1.0.0.tgz');

    expect([answer.status, answer.headers.get('cache-control'), answer.headers.get('vary')]).toEqual([200, 'private, no-cache', 'Accept, Accept-Encoding, Authorization']);
    expect([file.status, file.headers.get('cache-control')]).toEqual([200, 'private, max-age=31536000, immutable']);
    expect((await ask('carol', '/npm/a-lib/-/a-lib-1.0.0.tgz', { headers: { 'if-none-match': file.headers.get('etag') ?? '' } })).status).toBe(403);
    expect((await fetch(`${proxy.registry}a-lib`)).status).toBe(401);
  });

  it('reads and writes packages with the credential of the service alone', () => {
    const touched = registry.requests.filter(({ account, path }) => account !== 'service' && account !== null && path !== '/v2/' && !path.startsWith('/token'));

    expect(touched).toEqual([]);
    expect(registry.requests.some(({ account, path }) => account === 'service' && path.includes('/blobs/'))).toBe(true);
  });

  it('lets the operator and nobody else in while the registry cannot be asked, and says so', async () => {
    const before = await ask('bob', '/npm/a-lib');
    registry.breakOff(true);
    try {
      const unknown = await ask('dave', '/npm/a-lib');
      const operator = await fetch(`${proxy.origin}/npm/-/whoami`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });

      expect(before.status).toBe(200);
      expect(unknown.status).toBe(503);
      expect(await unknown.text()).toMatch(/signing in by the registry|asking .* how it lets in|getting a token/);
      expect(operator.status).toBe(200);
    } finally {
      registry.breakOff(false);
    }
    await eventually('dave is let in again', async () => (await ask('dave', '/npm/a-lib')).status === 200);
  });

  it('lets nobody read any longer than 60 seconds after the registry took the right away', async () => {
    expect((await ask('dave', '/npm/a-lib')).status).toBe(200);

    registry.accounts.set('dave', { password: PASSWORDS.dave, rights: {} });
    const revokedAt = Date.now();

    await eventually('dave is refused', async () => (await ask('dave', '/npm/a-lib')).status === 403, 65_000);
    expect(Date.now() - revokedAt).toBeLessThan(62_000);
    expect((await ask('bob', '/npm/a-lib')).status).toBe(200);
  });
});
