import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { type NpmClient, npmClient, temporaryDirectory } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startStandalone, type Standalone } from './standalone.ts';

// bcrypt of "correct horse battery", cost 10.
const USERS = 'carol:$2b$10$cr5/wi6Qnot5aJ5pjgKcFu9byMyKdcyRBCtI.GUITAWC/1DeaIqgW\n';

describe('the real npm, doing what people do every day', () => {
  let proxy: Standalone;
  let npm: NpmClient;
  let users: string;

  beforeAll(async () => {
    const home = await temporaryDirectory('users');
    users = join(home, 'htpasswd');
    await writeFile(users, USERS);
    proxy = await startStandalone({ NPM_UPSTREAM_URL: 'off', USERS_FILE: users });
    npm = await proxy.client('operator');
  });
  afterAll(async () => {
    await proxy.stop();
    await rm(dirname(users), { recursive: true, force: true });
  });

  it('publishes a scoped package and installs it with an empty cache', async () => {
    const source = await npm.makePackage({ name: '@acme/widget', version: '1.0.0', bin: './index.js' }, { 'README.md': '# Widget\n' });

    const published = await npm.run(['publish'], { cwd: source });
    const other = await proxy.client('reader', null);
    const project = await other.makePackage({ name: 'project', version: '1.0.0' });
    const installed = await other.run(['install', '@acme/widget'], { cwd: project });

    expect(published.output).toContain('+ @acme/widget@1.0.0');
    expect(installed.code, installed.output).toBe(0);
    expect(await readFile(join(project, 'node_modules/@acme/widget/README.md'), 'utf8')).toBe('# Widget\n');
    const lock = JSON.parse(await readFile(join(project, 'package-lock.json'), 'utf8')) as { packages: Record<string, { integrity?: string; resolved?: string }> };
    expect(lock.packages['node_modules/@acme/widget']?.integrity).toMatch(/^sha512-/);
    expect(lock.packages['node_modules/@acme/widget']?.resolved).toBe(`${proxy.registry}@acme/widget/-/widget-1.0.0.tgz`);
  });

  it('refuses to publish over a version, with the sentence that npm prints', async () => {
    const source = await npm.makePackage({ name: 'twice', version: '1.0.0' });
    await npm.run(['publish'], { cwd: source });

    const changed = await npm.makePackage({ name: 'twice', version: '1.0.0' }, { 'more.js': '1\n' });
    const again = await npm.run(['publish'], { cwd: changed });

    expect(again.code).not.toBe(0);
    expect(again.output).toMatch(/cannot publish over the previously published versions?/i);
  });

  it('adds, lists and removes dist-tags', async () => {
    for (const version of ['1.0.0', '2.0.0']) {
      await npm.run(['publish'], { cwd: await npm.makePackage({ name: 'tagged', version }) });
    }

    const added = await npm.run(['dist-tag', 'add', 'tagged@1.0.0', 'stable']);
    const listed = await npm.run(['dist-tag', 'ls', 'tagged']);
    const removed = await npm.run(['dist-tag', 'rm', 'tagged', 'stable']);
    const after = await npm.run(['dist-tag', 'ls', 'tagged']);

    expect(added.code, added.output).toBe(0);
    expect(listed.stdout.trim().split('\n').sort()).toEqual(['latest: 2.0.0', 'stable: 1.0.0']);
    expect(removed.code, removed.output).toBe(0);
    expect(after.stdout.trim()).toBe('latest: 2.0.0');
  });

  it('publishes a prerelease under another tag and leaves latest alone', async () => {
    await npm.run(['publish'], { cwd: await npm.makePackage({ name: 'pre', version: '1.0.0' }) });
    const beta = await npm.run(['publish', '--tag', 'beta'], { cwd: await npm.makePackage({ name: 'pre', version: '2.0.0-beta.1' }) });

    const view = await npm.run(['view', 'pre', 'dist-tags', '--json']);

    expect(beta.code, beta.output).toBe(0);
    expect(JSON.parse(view.stdout)).toEqual({ latest: '1.0.0', beta: '2.0.0-beta.1' });
  });

  it('deprecates a version with a text that npm install prints, and takes it back', async () => {
    await npm.run(['publish'], { cwd: await npm.makePackage({ name: 'old', version: '1.0.0' }) });

    const deprecated = await npm.run(['deprecate', 'old@1.0.0', 'use new instead']);
    const project = await npm.makePackage({ name: 'user-of-old', version: '1.0.0' });
    const installed = await npm.run(['install', 'old'], { cwd: project });
    const undone = await npm.run(['deprecate', 'old@1.0.0', '']);
    const view = await npm.run(['view', 'old', 'deprecated', '--json', '--prefer-online']);

    expect(deprecated.code, deprecated.output).toBe(0);
    expect(installed.output).toContain('use new instead');
    expect(undone.code, undone.output).toBe(0);
    expect(view.stdout.trim()).toBe('');
  });

  it('unpublishes one version, then the package, and never takes the version again', async () => {
    for (const version of ['1.0.0', '1.1.0']) {
      await npm.run(['publish'], { cwd: await npm.makePackage({ name: 'gone', version }) });
    }

    const one = await npm.run(['unpublish', 'gone@1.1.0']);
    const view = await npm.run(['view', 'gone', '--json', '--prefer-online']);
    const again = await npm.run(['publish'], { cwd: await npm.makePackage({ name: 'gone', version: '1.1.0' }, { 'x.js': '2\n' }) });
    const all = await npm.run(['unpublish', 'gone', '--force']);
    const missing = await npm.run(['view', 'gone', '--prefer-online']);

    expect(one.code, one.output).toBe(0);
    expect(JSON.parse(view.stdout)).toMatchObject({ version: '1.0.0', versions: ['1.0.0'] });
    expect(again.code, again.output).not.toBe(0);
    expect(all.code, all.output).toBe(0);
    expect(missing.output).toContain('E404');
  });

  it('takes names that trip up others', async () => {
    for (const name of ['constructor', '@acme/constructor', 'a--b', 'x0-y', 'blobs', '@blobs/tags']) {
      const published = await npm.run(['publish'], { cwd: await npm.makePackage({ name, version: '1.0.0' }) });
      const view = await npm.run(['view', name, 'version']);

      expect(published.code, published.output).toBe(0);
      expect(view.stdout.trim(), name).toBe('1.0.0');
    }
  });

  it('knows who asks', async () => {
    const nobody = await proxy.client('nobody', null);

    const me = await npm.run(['whoami']);
    const unknown = await nobody.run(['whoami']);
    const ping = await nobody.run(['ping']);
    const refused = await nobody.run(['publish'], { cwd: await nobody.makePackage({ name: 'refused', version: '1.0.0' }) });

    expect(me.stdout.trim()).toBe('admin');
    expect(unknown.output).toMatch(/ENEEDAUTH|E401/);
    expect(ping.code, ping.output).toBe(0);
    expect(refused.output).toMatch(/ENEEDAUTH|E401/);
    expect((await fetch(`${proxy.registry}refused`)).status).toBe(404);
  });

  it('signs in with a name and a password of the users file, publishes with the token, and signs out', async () => {
    const body = { _id: 'org.couchdb.user:carol', name: 'carol', password: 'correct horse battery', type: 'user', roles: [], date: new Date().toISOString() };
    const login = (password: string): Promise<Response> =>
      fetch(`${proxy.registry}-/user/org.couchdb.user:carol`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ...body, password }) });

    const wrong = await login('guess');
    const right = await login(body.password);
    const { token } = (await right.json()) as { token: string };
    const carol = await npmClient({ directory: join(proxy.directory, 'clients/carol'), registry: proxy.registry, token });
    const me = await carol.run(['whoami']);
    const published = await carol.run(['publish'], { cwd: await carol.makePackage({ name: 'of-carol', version: '1.0.0' }) });
    const left = await carol.run(['logout']);
    const after = await fetch(`${proxy.registry}-/whoami`, { headers: { authorization: `Bearer ${token}` } });

    expect(wrong.status).toBe(401);
    expect(right.status).toBe(201);
    expect(me.stdout.trim()).toBe('carol');
    expect(published.code, published.output).toBe(0);
    expect(left.code, left.output).toBe(0);
    expect(after.status).toBe(401);
  });
});
