import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { temporaryDirectory } from '@oci-package-proxy/testing';
import { afterEach, describe, expect, it } from 'vitest';

import { ADMIN, type SampleOptions, type SampleRegistry, startSampleRegistry } from '../sample-registry.contract.ts';

let sample: SampleRegistry;

afterEach(async () => sample.stop());

async function start(options: SampleOptions = {}): Promise<void> {
  sample = await startSampleRegistry(options);
}

const PATH = '/.well-known/terraform.json';

describe('the discovery document', () => {
  it('is at the very root, for everybody, whatever they show', async () => {
    await start({ anonymousRead: false });

    for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: 'garbage' }, { authorization: ADMIN }] as readonly Record<string, string>[]) {
      const answer = await sample.ask(PATH, { headers: { accept: 'application/json', ...headers } });

      expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/json']);
      expect(answer.json()).toEqual({
        'providers.v1': '/terraform/providers/v1/',
        'modules.v1': '/terraform/modules/v1/',
        'login.v1': { client: 'terraform-cli', grant_types: ['authz_code'], authz: '/terraform/login/authorize', token: '/terraform/login/token', ports: [10000, 10010] },
      });
    }
  });

  it.each([
    [{ prefix: '', root: '' }, ['/.well-known/terraform.json'], '/providers/v1/'],
    [{ prefix: '/terraform', root: '' }, ['/.well-known/terraform.json', '/terraform/.well-known/terraform.json'], '/terraform/providers/v1/'],
    [{ prefix: '/base', root: '' }, ['/.well-known/terraform.json', '/base/.well-known/terraform.json'], '/base/providers/v1/'],
    [{ prefix: '/base/terraform', root: '/base' }, ['/.well-known/terraform.json', '/base/.well-known/terraform.json', '/base/terraform/.well-known/terraform.json'], '/base/terraform/providers/v1/'],
    [{ prefix: '/terraform', root: '', publicUrl: 'https://packages.example.com/outer' }, ['/.well-known/terraform.json'], '/outer/terraform/providers/v1/'],
    [{ prefix: '/terraform', root: '', publicUrl: 'https://packages.example.com/' }, ['/.well-known/terraform.json'], '/terraform/providers/v1/'],
  ] as const)('with %j is at %j and leads to %s', async (options, paths, providers) => {
    await start(options);

    for (const path of paths) {
      const answer = await sample.ask(path);

      expect([answer.status, answer.json()['providers.v1']], path).toEqual([200, providers]);
    }
    expect((await sample.ask(`${options.prefix}/providers/v1/acme/demo/versions`)).json()).toEqual({ errors: [expect.stringContaining('There is no provider')] });
  });

  it('has no sign-in where nobody can sign in, or no token can be stored', async () => {
    await start({ adminToken: null });
    expect((await sample.ask(PATH)).json()).not.toHaveProperty(['login.v1']);
    await sample.stop();

    await start({ publish: false });
    expect((await sample.ask(PATH)).json()).not.toHaveProperty(['login.v1']);
    expect((await sample.ask('/terraform/login/authorize')).status).toBe(404);
    await sample.stop();

    const directory = await temporaryDirectory('users');
    await writeFile(join(directory, 'users'), '');
    await start({ adminToken: null, usersFile: join(directory, 'users') });
    expect((await sample.ask(PATH)).json()).toHaveProperty(['login.v1']);
    await rm(directory, { recursive: true, force: true });
  });

  it('is answered to HEAD, and says when nothing changed', async () => {
    await start();
    const first = await sample.ask(PATH);
    const head = await sample.ask(PATH, { method: 'HEAD' });
    const again = await sample.ask(PATH, { headers: { 'if-none-match': first.headers.etag ?? '' } });

    expect([head.status, head.headers['content-type'], again.status]).toEqual([200, 'application/json', 304]);
    expect((await sample.ask(PATH, { method: 'POST' })).status).toBe(404);
  });
});

it('tells people how it is used', async () => {
  await start({ hostname: 'registry.example.com', publicUrl: 'https://packages.example.com/outer' });

  const usage = await sample.ask('/terraform/');

  expect([usage.status, usage.headers['content-type']]).toEqual([200, 'text/plain; charset=utf-8']);
  expect(usage.text()).toContain('registry.example.com/<namespace>/<type>');
  expect(usage.text()).toContain('url = "https://packages.example.com/outer/terraform/mirror/"');
});
