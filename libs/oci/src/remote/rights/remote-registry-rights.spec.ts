import { type AccountsRegistry, type AccountsRegistryOptions, type RunningRegistry, startAccountsRegistry, startDockerRegistry } from '@oci-package-proxy/testing';
import bcrypt from 'bcryptjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { bufferBlob } from '../../model/blob-source.ts';
import { EMPTY_BYTES, EMPTY_DESCRIPTOR, MANIFEST_MEDIA_TYPE } from '../../model/manifest.ts';
import { manifestBytes } from '../../model/manifest-bytes.ts';
import { staticCredentials } from '../auth/credentials.ts';
import { RemoteRegistry } from '../remote-registry.ts';
import type { RepositoryAction } from './registry-rights.ts';
import { RemoteRegistryRights } from './remote-registry-rights.ts';

const ACTIONS: readonly RepositoryAction[] = ['pull', 'push', 'delete'];
const SECRETS = { alice: 'alice-secret', bob: 'bob-secret', carol: 'carol-secret' } as const;
type Name = keyof typeof SECRETS;

function credential(username: Name): { readonly username: string; readonly password: string } {
  return { username, password: SECRETS[username] };
}

function accounts(): AccountsRegistryOptions['accounts'] {
  return {
    alice: { password: SECRETS.alice, rights: { 'team/a': ['pull', 'push', 'delete'], 'team/b': ['pull'] } },
    bob: { password: SECRETS.bob, rights: { 'team/': ['pull'], 'team/w': ['pull', 'push'] } },
    carol: { password: SECRETS.carol, rights: {} },
  };
}

describe.each(['jwt', 'opaque', 'basic'] as const)('RemoteRegistryRights of a registry with %s authentication', (form) => {
  let behind: RunningRegistry;
  let registry: AccountsRegistry;
  let rights: RemoteRegistryRights;

  beforeAll(async () => {
    behind = await startDockerRegistry({ deletes: true });
    const plain = new RemoteRegistry({ url: behind.url });
    for (const name of ['team/a', 'team/b']) {
      await push(plain, name);
    }
    await plain.close();
  });
  afterAll(async () => behind.stop());
  beforeEach(async () => {
    registry = await startAccountsRegistry({ target: behind.url, form, accounts: accounts() });
    rights = new RemoteRegistryRights({ url: `${registry.url}/team` });
  });
  afterEach(async () => {
    await rights.close();
    await registry.stop();
  });

  it('knows accounts by their password, and nobody by another one', async () => {
    expect(await rights.knows(credential('alice'))).toBe(true);
    expect(await rights.knows(credential('carol'))).toBe(true);
    expect(await rights.knows({ username: 'alice', password: SECRETS.bob })).toBe(false);
    expect(await rights.knows({ username: 'mallory', password: 'x' })).toBe(false);
  });

  it.each<[Name, string, Partial<Record<RepositoryAction, string>>]>([
    ['alice', 'team/a', { pull: 'yes', push: 'yes', delete: 'yes' }],
    ['alice', 'team/b', { pull: 'yes', push: 'no', delete: 'no' }],
    ['bob', 'team/a', { pull: 'yes', push: 'no', delete: 'no' }],
    ['bob', 'team/w', { push: 'yes', delete: 'no' }],
    ['carol', 'team/a', { pull: 'no', push: 'no', delete: 'no' }],
  ])('says what %s may do in %s', async (name, repository, expected) => {
    const said: Partial<Record<RepositoryAction, string>> = {};
    for (const action of ACTIONS.filter((wanted) => wanted in expected)) {
      said[action] = await rights.may(credential(name), action, repository);
    }

    expect(said).toEqual(expected);
  });

  it('says of what is not there yet that it may be read, by who has the right to it, and by nobody else', async () => {
    expect(await rights.may(credential('alice'), 'pull', 'team/anew')).toBe(form === 'jwt' ? 'yes' : 'missing');
    expect(await rights.may(credential('carol'), 'pull', 'team/anew')).toBe('no');
  });

  it('sees at the next question that a right was given or taken', async () => {
    const bob = registry.accounts.get('bob');
    expect(await rights.may(credential('bob'), 'push', 'team/a')).toBe('no');

    registry.accounts.set('bob', { password: SECRETS.bob, rights: { 'team/': ['pull', 'push'] } });
    const given = await rights.may(credential('bob'), 'push', 'team/a');
    registry.accounts.set('bob', { password: SECRETS.bob, rights: bob?.rights ?? {} });

    expect(given).toBe('yes');
    expect(await rights.may(credential('bob'), 'push', 'team/a')).toBe('no');
  });

  it('writes nothing: what an upload begins is given up at once', async () => {
    await rights.may(credential('alice'), 'push', 'team/a');

    const asked = registry.requests.filter(({ path }) => path.startsWith('/v2/team/')).map(({ method }) => method);
    expect(asked.filter((method) => method === 'PUT' || method === 'PATCH')).toEqual([]);
    expect(asked.filter((method) => method === 'POST')).toHaveLength(form === 'jwt' ? 0 : 1);
    // An opaque token for pushing alone is refused first.
    expect(asked.filter((method) => method === 'DELETE')).toHaveLength({ jwt: 0, basic: 1, opaque: 2 }[form]);
  });

  it('fails, and does not answer, when the registry does not', async () => {
    registry.breakOff(true);

    await expect(rights.knows(credential('alice'))).rejects.toMatchObject({ code: 'storage-unavailable' });
    await expect(rights.may(credential('alice'), 'pull', 'team/a')).rejects.toMatchObject({ code: 'storage-unavailable' });

    registry.breakOff(false);
    expect(await rights.knows(credential('alice'))).toBe(true);
  });
});

describe('RemoteRegistryRights of docker-registry itself', () => {
  let registry: RunningRegistry | null = null;
  let rights: RemoteRegistryRights | null = null;

  afterEach(async () => {
    await rights?.close();
    await registry?.stop();
  });

  it('takes users of its htpasswd, who may everything there, and says that it cannot say who deletes while deletes are off', async () => {
    registry = await startDockerRegistry({ htpasswd: `alice:${bcrypt.hashSync(SECRETS.alice, 4)}\n` });
    rights = new RemoteRegistryRights({ url: registry.url });
    const store = new RemoteRegistry({ url: registry.url, credentials: staticCredentials('alice', SECRETS.alice) });
    await push(store, 'lib');
    await store.close();

    expect(await rights.knows(credential('alice'))).toBe(true);
    expect(await rights.knows(credential('bob'))).toBe(false);
    expect(await rights.may(credential('alice'), 'pull', 'lib')).toBe('yes');
    expect(await rights.may(credential('alice'), 'pull', 'other')).toBe('missing');
    expect(await rights.may(credential('alice'), 'push', 'other')).toBe('yes');
    expect(await rights.may(credential('alice'), 'delete', 'lib')).toBe('unsaid');
    expect(await rights.may(credential('bob'), 'pull', 'lib')).toBe('no');
    expect(await rights.may(credential('bob'), 'push', 'lib')).toBe('no');
    expect(await rights.may(credential('bob'), 'delete', 'lib')).toBe('no');
  });

  it('lets nobody in where it asks nobody who they are', async () => {
    registry = await startDockerRegistry();
    rights = new RemoteRegistryRights({ url: registry.url });

    await expect(rights.knows(credential('alice'))).rejects.toMatchObject({ code: 'storage-denied', message: expect.stringMatching(/takes any user name and password/) as string });
  });
});

async function push(registry: RemoteRegistry, name: string): Promise<void> {
  const repository = registry.repository(name);
  await repository.writeBlob(bufferBlob(EMPTY_BYTES));
  const manifest = manifestBytes({ schemaVersion: 2, mediaType: MANIFEST_MEDIA_TYPE, artifactType: 'application/vnd.example', config: EMPTY_DESCRIPTOR, layers: [EMPTY_DESCRIPTOR] });
  await repository.writeManifest(manifest, { tag: '1.0.0' });
}
