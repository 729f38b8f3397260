import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { askCredentialHelper } from './credential-helper.ts';
import { dockerConfigCredentials } from './docker-config.ts';

const AUTH = Buffer.from('user:pa:ss\0').toString('base64');
const HELPER = `#!/bin/sh
read server
case "$server" in
  user.example.com) echo '{"ServerURL":"x","Username":"u","Secret":"s"}' ;;
  token.example.com) echo '{"ServerURL":"x","Username":"<token>","Secret":"t"}' ;;
  https://index.example.com/v1/) echo '{"Username":"hub","Secret":"s"}' ;;
  odd.example.com) echo 'what' ;;
  broken.example.com) exit 3 ;;
  *) echo 'credentials not found in native keychain'; exit 1 ;;
esac
`;

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'docker-config-'));
  await writeFile(join(directory, 'docker-credential-spec'), HELPER, { mode: 0o755 });
  vi.stubEnv('PATH', `${directory}:/usr/bin:/bin`);
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true, force: true });
});

async function credentialFor(config: unknown, host: string): Promise<unknown> {
  const configFile = join(directory, 'config.json');
  await writeFile(configFile, typeof config === 'string' ? config : JSON.stringify(config));
  return dockerConfigCredentials({ configFile }).credentialFor(host);
}

describe('dockerConfigCredentials', () => {
  const user = { username: 'user', password: 'pa:ss' };

  it.each([
    ['base64', { auths: { 'example.com': { auth: AUTH } } }, 'example.com', user],
    ['a URL as key', { auths: { 'https://Example.com:5000/v2/': { auth: AUTH } } }, 'example.com:5000', user],
    ['another port', { auths: { 'example.com:5000': { auth: AUTH } } }, 'example.com', null],
    ['plain fields', { auths: { 'example.com': { username: 'a', password: 'b' } } }, 'example.com', { username: 'a', password: 'b' }],
    ['an identity token', { auths: { 'example.com': { auth: AUTH, identitytoken: 't' } } }, 'example.com', { identityToken: 't' }],
    ['an empty entry', { auths: { 'example.com': {} } }, 'example.com', null],
    ['the index of the domain', { auths: { 'https://index.example.com/v1/': { auth: AUTH } } }, 'registry-1.example.com', user],
    ['the index of the domain, by the domain', { auths: { 'https://index.example.com/v1/': { auth: AUTH } } }, 'example.com', user],
    ['the index of another domain', { auths: { 'https://index.example.com/v1/': { auth: AUTH } } }, 'registry.example.org', null],
    ['an index key of version 2', { auths: { 'https://index.example.com/v2/': { auth: AUTH } } }, 'registry-1.example.com', null],
    ['a helper', { credHelpers: { 'user.example.com': 'spec' } }, 'user.example.com', { username: 'u', password: 's' }],
    ['a store', { credsStore: 'spec' }, 'token.example.com', { identityToken: 't' }],
    ['a store asked by the key', { credsStore: 'spec', auths: { 'https://index.example.com/v1/': {} } }, 'registry-1.example.com', { username: 'hub', password: 's' }],
    ['a store without it', { credsStore: 'spec' }, 'none.example.com', null],
    ['a store without it, an entry with it', { credsStore: 'spec', auths: { 'none.example.com': { auth: AUTH } } }, 'none.example.com', user],
    ['nothing', {}, 'example.com', null],
  ])('reads %s', async (_name, config, host, expected) => {
    expect(await credentialFor(config, host)).toEqual(expected);
  });

  it.each([
    ['no JSON', 'hunter2', 'example.com'],
    ['no base64', { auths: { 'example.com': { auth: 'hunter2' } } }, 'example.com'],
    ['an answer that is none', { credsStore: 'spec' }, 'odd.example.com'],
    ['a helper that fails', { credsStore: 'spec' }, 'broken.example.com'],
    ['a helper that is missing', { credsStore: 'not-installed' }, 'example.com'],
    ['a helper name with a path', { credsStore: '../../bin/hunter2' }, 'example.com'],
  ])('refuses %s without showing it', async (_name, config, host) => {
    await expect(credentialFor(config, host)).rejects.toMatchObject({ code: 'config', message: expect.not.stringContaining('hunter2') as string });
  });

  it('takes a missing file for no credentials', async () => {
    const source = dockerConfigCredentials({ configFile: join(directory, 'none', 'config.json') });

    expect(await source.credentialFor('example.com')).toBeNull();
  });

  it('gives up a helper that hangs, also one whose child keeps its output open', async () => {
    await writeFile(join(directory, 'docker-credential-slow'), '#!/bin/sh\nsleep 5 &\necho $! >"$0.pid"\nwait\n', { mode: 0o755 });

    await expect(askCredentialHelper('slow', 'example.com', 300)).rejects.toMatchObject({ code: 'config', message: expect.stringContaining('took too long') as string });
    process.kill(Number(await readFile(join(directory, 'docker-credential-slow.pid'), 'utf8')));
  });

  it('never starts a program by another name', async () => {
    await expect(askCredentialHelper('a;b', 'example.com')).rejects.toMatchObject({ code: 'config' });
  });
});
