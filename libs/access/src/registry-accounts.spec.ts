import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { MemoryRegistry, RemoteRegistry, RemoteRegistryRights, type RightsAnswer, staticCredentials } from '@oci-package-proxy/oci';
import { Ledger } from '@oci-package-proxy/storage';
import { type AccountsRegistry, type RunningRegistry, startAccountsRegistry, startDockerRegistry, temporaryDirectory } from '@oci-package-proxy/testing';
import bcrypt from 'bcryptjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { Access, Action, Principal, Tokens } from './access-port.ts';
import { createAccess } from './create-access.ts';
import type { PassThrough } from './pass-through.ts';

const ADMIN = 'admin-token-of-the-operator';
const FROM = { clientAddress: '192.0.2.1' };
const SERVICE = { username: 'service', password: 'service-secret' };
const ACTIONS: readonly Action[] = ['read', 'publish', 'delete', 'admin'];

function basic(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
}

const ALICE = basic('alice', 'alice-secret');
const BOB = basic('bob', 'bob-secret');
const CAROL = basic('carol', 'carol-secret');

describe('accounts of the registry', () => {
  let behind: RunningRegistry;
  let registry: AccountsRegistry;
  let store: RemoteRegistry;
  let rights: RemoteRegistryRights;
  let directory: string;
  let now: number;
  let access: Access;
  let tokens: Tokens;
  let passThrough: PassThrough;

  beforeAll(async () => {
    behind = await startDockerRegistry({ deletes: true });
    directory = await temporaryDirectory('registry-accounts');
    await writeFile(join(directory, 'users'), `local:${bcrypt.hashSync('local-secret', 4)}\n`);
    const plain = new RemoteRegistry({ url: behind.url });
    const ledger = new Ledger({ registry: plain });
    // Something of `kept` lies in its second place only, and something in the repository that stands before all packages.
    for (const repository of ['team/beside/kept', 'team']) {
      await ledger.record({ ecosystem: 'alpha', name: 'kept', repository }, [{ key: 'status', value: 'there' }], { by: 'spec' });
    }
    await plain.close();
  });
  afterAll(async () => {
    await behind.stop();
    await rm(directory, { recursive: true, force: true });
  });
  beforeEach(async () => {
    registry = await startAccountsRegistry({
      target: behind.url,
      form: 'basic',
      accounts: {
        service: { password: SERVICE.password, rights: { '': ['pull', 'push', 'delete'] } },
        alice: { password: 'alice-secret', rights: { 'team/alpha/a': ['pull', 'push', 'delete'], 'team/alpha/kept': ['pull'], 'team/beside/kept': ['pull'] } },
        bob: { password: 'bob-secret', rights: { 'team/alpha/': ['pull'] } },
        carol: { password: 'carol-secret', rights: {} },
        local: { password: 'another-secret', rights: { '': ['pull', 'push', 'delete'] } },
      },
    });
    now = Date.parse('2026-06-01T12:00:00Z');
    store = new RemoteRegistry({ url: `${registry.url}/team`, credentials: staticCredentials(SERVICE.username, SERVICE.password) });
    rights = new RemoteRegistryRights({ url: `${registry.url}/team` });
    passThrough = { rights, prefix: 'team', placesOf: (ecosystem, name) => [`${ecosystem}/${name}`, `beside/${name}`].map(placeIn) };
    await open();
  });
  afterEach(async () => {
    await rights.close();
    await store.close();
    await registry.stop();
  });

  async function open(): Promise<void> {
    const made = await createAccess({ usersFile: join(directory, 'users'), adminToken: ADMIN, anonymousRead: false, rules: null, passThrough, ledger: new Ledger({ registry: new MemoryRegistry() }), clock: () => now });
    access = made.access;
    tokens = made.tokens;
  }

  function placeIn(name: string): ReturnType<PassThrough['placesOf']>[number] {
    const repository = store.repository(name);
    return {
      repository: repository.name,
      holds: async () => {
        for await (const page of repository.listTags()) {
          return page.length > 0;
        }
        return false;
      },
    };
  }

  async function rightsOf(header: string | Principal, name: string): Promise<Action[]> {
    const principal = typeof header === 'string' ? await access.authenticate(header, FROM) : header;
    const may = await Promise.all(ACTIONS.map(async (action) => access.may(principal, action, { ecosystem: 'alpha', package: name })));
    return ACTIONS.filter((_action, index) => may[index]);
  }

  /** What was asked with the credentials of clients. */
  function asked(): string[] {
    return registry.requests.filter(({ account }) => account !== null && account !== SERVICE.username).map(({ method, path, account }) => `${account} ${method} ${path.replace(/uploads\/.+/, 'uploads/…')}`);
  }

  it('may what the registry lets them, and never administer', async () => {
    expect(await access.authenticate(ALICE, FROM)).toEqual({ kind: 'registry', name: 'alice', tokenId: null });
    expect(await rightsOf(ALICE, 'a-lib')).toEqual(['read', 'publish', 'delete']);
    expect(await rightsOf(BOB, 'a-lib')).toEqual(['read']);
    expect(await rightsOf(CAROL, 'a-lib')).toEqual([]);
  });

  it('are told why not', async () => {
    const bob = await access.authenticate(BOB, FROM);

    await expect(access.authorize(bob, 'publish', { ecosystem: 'alpha', package: 'a-lib' })).rejects.toMatchObject({
      code: 'forbidden',
      message: 'bob may not publish alpha package a-lib: the registry that keeps the packages does not let this account push there.',
    });
  });

  it('may read no certain package, as lists hold only what they may read, and do nothing else to all', async () => {
    const alice = await access.authenticate(ALICE, FROM);
    const may = await Promise.all(ACTIONS.map(async (action) => access.may(alice, action, { ecosystem: 'alpha', package: null })));

    expect(may).toEqual([true, false, false, false]);
  });

  it('need the right in every place that has something of a package', async () => {
    expect(await rightsOf(ALICE, 'kept')).toEqual(['read']);
    expect(await rightsOf(BOB, 'kept')).toEqual([]);
  });

  it('may read what is not there yet by the right to what stands before all packages', async () => {
    expect(await rightsOf(CAROL, 'new')).toEqual([]);

    registry.accounts.set('carol', { password: 'carol-secret', rights: { team: ['pull'], 'team/': [] } });
    now += 60_001;

    expect(await rightsOf(CAROL, 'new')).toEqual(['read']);
    expect(await rightsOf(CAROL, 'kept')).toEqual([]);
  });

  it('are asked for once in 60 seconds, whatever the answer, and each for themselves', async () => {
    await rightsOf(ALICE, 'a-lib');
    await rightsOf(CAROL, 'a-lib');
    const before = registry.requests.length;

    now += 59_000;
    expect(await rightsOf(ALICE, 'a-lib')).toEqual(['read', 'publish', 'delete']);
    expect(await rightsOf(CAROL, 'a-lib')).toEqual([]);
    expect(registry.requests).toHaveLength(before);

    expect(await rightsOf(BOB, 'a-lib')).toEqual(['read']);
    expect(asked().filter((line) => line.startsWith('bob'))).toContain('bob GET /v2/team/alpha/a-lib/tags/list?n=1');
  });

  it('lose a right, an account and an old password within 60 seconds', async () => {
    await rightsOf(ALICE, 'a-lib');
    await rightsOf(BOB, 'a-lib');
    registry.accounts.set('alice', { password: 'alice-secret', rights: { 'team/alpha/a': ['pull'] } });
    registry.accounts.set('bob', { password: 'new-secret', rights: {} });

    now += 60_001;

    expect(await rightsOf(ALICE, 'a-lib')).toEqual(['read']);
    await expect(access.authenticate(BOB, FROM)).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('counts the 60 seconds from the question, however long the answer takes', async () => {
    const asking = Promise.withResolvers<RightsAnswer>();
    let said = asking.promise;
    passThrough = { ...answering(async () => said), placesOf: () => [{ repository: 'x', holds: async () => Promise.resolve(true) }] };
    await open();
    const alice = await access.authenticate(ALICE, FROM);
    const first = access.may(alice, 'read', { ecosystem: 'alpha', package: 'x' });

    now += 50_000;
    asking.resolve('yes');
    expect(await first).toBe(true);
    said = Promise.resolve('no');
    now += 10_001;

    expect(await access.may(alice, 'read', { ecosystem: 'alpha', package: 'x' })).toBe(false);
  });

  it('share one question with whoever asks the same at the same time', async () => {
    const alice = await access.authenticate(ALICE, FROM);
    const before = asked().length;

    await Promise.all(Array.from({ length: 20 }, async () => access.may(alice, 'read', { ecosystem: 'alpha', package: 'a-lib' })));

    expect(asked().length - before).toBe(1);
  });

  it('are nobody with a password that is remembered of somebody else, or of themselves', async () => {
    await access.authenticate(ALICE, FROM);

    for (const header of [basic('alice', 'bob-secret'), basic('bob', 'alice-secret'), basic('alice', ''), basic('alice:alice-secret', ''), basic('ali', 'ce:alice-secret'), basic('alicea', 'lice-secret')]) {
      await expect(access.authenticate(header, FROM)).rejects.toMatchObject({ code: 'unauthenticated', message: 'The user name or the password is wrong.' });
    }
  });

  it('gives the rights of a principal to no copy of it', async () => {
    const alice = await access.authenticate(ALICE, FROM);

    expect(await rightsOf({ ...alice }, 'a-lib')).toEqual([]);
  });

  it('slows down who guesses, and asks the registry no more for them', async () => {
    for (let tries = 0; tries < 5; tries += 1) {
      await expect(access.authenticate(basic('alice', `guess-${tries}`), FROM)).rejects.toMatchObject({ code: 'unauthenticated' });
    }
    const before = registry.requests.length;

    await expect(access.authenticate(basic('alice', 'guess-5'), FROM)).rejects.toMatchObject({ code: 'rate-limited' });
    expect(registry.requests).toHaveLength(before);
    expect(await access.authenticate(ALICE, { clientAddress: '192.0.2.2' })).toMatchObject({ name: 'alice' });
  });

  it('that share a user name and an address are all let in at once, and later, beside a job that shows an expired token', async () => {
    const knows = async ({ password }: { password: string }): Promise<boolean> => Promise.resolve(password !== 'expired');
    passThrough = { ...passThrough, rights: { ...answering(async () => Promise.resolve('yes')).rights, knows } };
    await open();
    const jobs = async (): Promise<unknown> => Promise.all(Array.from({ length: 50 }, async (_, job) => access.authenticate(basic('AWS', `token-${job}`), FROM)));
    await jobs();

    for (let times = 0; times < 20; times += 1) {
      await expect(access.authenticate(basic('AWS', 'expired'), FROM)).rejects.toMatchObject({ code: 'unauthenticated' });
      now += 10_001;
    }

    await jobs();
    expect(await access.authenticate(basic('AWS', 'new-token'), FROM)).toMatchObject({ kind: 'registry', name: 'AWS' });
  });

  it('are not let in while the registry cannot be asked, and lose nothing that is remembered', async () => {
    await rightsOf(ALICE, 'a-lib');
    registry.breakOff(true);

    expect(await rightsOf(ALICE, 'a-lib')).toEqual(['read', 'publish', 'delete']);
    await expect(rightsOf(ALICE, 'a-other')).rejects.toMatchObject({ code: 'storage-unavailable' });
    for (let tries = 0; tries < 6; tries += 1) {
      await expect(access.authenticate(BOB, FROM)).rejects.toMatchObject({ code: 'storage-unavailable' });
    }

    registry.breakOff(false);
    expect(await rightsOf(BOB, 'a-lib')).toEqual(['read']);
  });

  it('stand beside users, tokens and the operator of this server, of whom the registry hears nothing', async () => {
    const { token } = await tokens.login('local', 'local-secret', FROM);

    expect(await access.authenticate(basic('local', 'local-secret'), FROM)).toMatchObject({ kind: 'user', name: 'local' });
    expect(await access.authenticate(`Bearer ${token}`, FROM)).toMatchObject({ kind: 'token', name: 'local' });
    expect(await access.authenticate(`Bearer ${ADMIN}`, FROM)).toMatchObject({ kind: 'admin' });
    expect(await access.authenticate(undefined, FROM)).toMatchObject({ kind: 'anonymous' });
    // The registry has an account of this name and password.
    await expect(access.authenticate(basic('local', 'another-secret'), FROM)).rejects.toMatchObject({ code: 'unauthenticated' });
    await expect(access.authenticate(basic('__token__', 'another-secret'), FROM)).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(registry.requests).toEqual([]);
  });

  it('are let in by user name and password in base64, where a client has room for a token only', async () => {
    const header = ALICE.replace('Basic', 'Bearer');

    expect(await access.authenticate(header, FROM)).toMatchObject({ kind: 'registry', name: 'alice' });
    const before = registry.requests.length;
    for (const foreign of ['some-token-of-others', 'eyJhbGciOiJub25lIn0.e30.c2ln', Buffer.from([1, 0x3a, 0xff, 0x80]).toString('base64')]) {
      await expect(access.authenticate(`Bearer ${foreign}`, FROM)).rejects.toMatchObject({ code: 'unauthenticated' });
    }
    expect(registry.requests).toHaveLength(before);
  });

  it('have no tokens here, and see and revoke nobody else\'s', async () => {
    const scope = { actions: ['read'] as const, ecosystem: '*', packages: ['**'] };
    const { info } = await tokens.issue(await access.authenticate(`Bearer ${ADMIN}`, FROM), { description: '', scope, expires: null });
    const alice = await access.authenticate(ALICE, FROM);

    await expect(tokens.issue(alice, { description: '', scope, expires: null })).rejects.toMatchObject({ code: 'forbidden', message: expect.stringMatching(/no tokens here/) as string });
    await expect(tokens.signIn(alice, { description: '', expires: '2027-01-01T00:00:00Z' })).rejects.toMatchObject({ code: 'forbidden' });
    await expect(tokens.login('alice', 'alice-secret', FROM)).rejects.toMatchObject({ code: 'forbidden', message: expect.stringMatching(/no tokens here/) as string });
    expect(await tokens.list({ ...alice, name: 'admin' })).toEqual([]);
    await expect(tokens.revoke(alice, info.id)).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('are nobody while nothing is passed through', async () => {
    const made = await createAccess({ usersFile: null, adminToken: ADMIN, anonymousRead: false, rules: null, ledger: new Ledger({ registry: new MemoryRegistry() }) });

    await expect(made.access.authenticate(ALICE, FROM)).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(registry.requests).toEqual([]);
  });

  it.each<[RightsAnswer, boolean, Action[]]>([
    ['yes', true, ['read', 'publish', 'delete']],
    ['missing', false, ['read']],
    // The registry hides what is there for us.
    ['missing', true, []],
    ['no', true, []],
  ])('where the registry says %s, and something is there for us: %s', async (answer, holds, expected) => {
    passThrough = { ...answering(async () => Promise.resolve(answer)), placesOf: () => [{ repository: 'x', holds: async () => Promise.resolve(holds) }] };
    await open();

    expect(await rightsOf(ALICE, 'x')).toEqual(expected);
  });
});

/** A registry that knows everybody, and has one answer. */
function answering(may: () => Promise<RightsAnswer>): Pick<PassThrough, 'rights' | 'prefix'> {
  return { rights: { knows: async () => Promise.resolve(true), may, close: async () => Promise.resolve() }, prefix: null };
}
