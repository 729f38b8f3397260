import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ProxyError } from '@oci-package-proxy/errors';
import { type Gate, MemoryRegistry } from '@oci-package-proxy/oci';
import { Ledger } from '@oci-package-proxy/storage';
import { temporaryDirectory } from '@oci-package-proxy/testing';
import bcrypt from 'bcryptjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Access, Principal, Tokens, TokenScope } from './access-port.ts';
import { createAccess } from './create-access.ts';

const FROM = { clientAddress: '192.0.2.1' };
const ADMIN: Principal = { kind: 'admin', name: 'admin', tokenId: null };
const ALICE: Principal = { kind: 'user', name: 'alice', tokenId: null };
const SCOPE: TokenScope = { actions: ['read', 'publish'], ecosystem: 'alpha', packages: ['@acme/*'] };
const WANTED = { description: 'for CI', scope: SCOPE, expires: null };

interface Process {
  readonly access: Access;
  readonly tokens: Tokens;
  /** Tag lists asked of storage so far. */
  lists(): number;
  close(): void;
}

describe('tokens', () => {
  let directory: string;
  let usersFile: string;
  let now: number;
  let storage: MemoryRegistry;
  let processes: Process[];
  let one: Process;

  /** Another process on the same storage. */
  const start = async (gate?: Gate): Promise<Process> => {
    const registry = storage.view(gate === undefined ? {} : { gate });
    const made = await createAccess({ usersFile, adminToken: 'admin-token-of-the-operator', anonymousRead: false, rules: null, ledger: new Ledger({ registry, clock: () => now }), clock: () => now });
    const process = { ...made, lists: () => registry.operations.filter(({ kind }) => kind === 'list-page').length };
    processes.push(process);
    return process;
  };

  beforeEach(async () => {
    directory = await temporaryDirectory('tokens');
    usersFile = join(directory, 'users');
    await writeFile(usersFile, `alice:${bcrypt.hashSync('wonderland', 4)}\nbob:${bcrypt.hashSync('builder', 4)}\n`);
    now = Date.parse('2026-06-01T12:00:00Z');
    storage = new MemoryRegistry();
    processes = [];
    one = await start();
  });
  afterEach(async () => {
    for (const process of processes) {
      process.close();
    }
    await rm(directory, { recursive: true, force: true });
  });

  it('are shown once, and stored as a hash', async () => {
    const { token, info } = await one.tokens.issue(ALICE, WANTED);
    const fold = await new Ledger({ registry: storage.view() }).fold({ ecosystem: 'system', name: 'tokens', repository: 'system/tokens' }, { fresh: true });
    const stored = JSON.stringify([...fold.values]);

    expect(token).toMatch(/^opp_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/);
    expect(info).toEqual({ id: token.slice(4, 20), owner: 'alice', description: 'for CI', created: '2026-06-01T12:00:00.000Z', expires: null, scope: SCOPE });
    expect(stored).toContain(`token:${info.id}`);
    expect(stored).not.toContain(token.slice(21));
  });

  it.each([
    ['Bearer', (token: string): string => `Bearer ${token}`],
    ['Basic with nobody\'s name', (token: string): string => `Basic ${Buffer.from(`x-token:${token}`).toString('base64')}`],
    ['Basic with no name', (token: string): string => `Basic ${Buffer.from(`:${token}`).toString('base64')}`],
  ])('open the door as %s, as far as their scope goes', async (_how, header) => {
    const { token, info } = await one.tokens.issue(ALICE, WANTED);

    const principal = await one.access.authenticate(header(token), FROM);

    expect(principal).toEqual({ kind: 'token', name: 'alice', tokenId: info.id });
    expect(await one.access.may(principal, 'publish', { ecosystem: 'alpha', package: '@acme/lib' })).toBe(true);
    expect(await one.access.may(principal, 'publish', { ecosystem: 'alpha', package: 'lib' })).toBe(false);
    expect(await one.access.may(principal, 'delete', { ecosystem: 'alpha', package: '@acme/lib' })).toBe(false);
    await expect(one.access.authorize(principal, 'delete', { ecosystem: 'alpha', package: '@acme/lib' })).rejects.toThrow('This token of alice may not delete alpha package @acme/lib.');
  });

  it('are good at once in a process that has never seen them', async () => {
    const other = await start();
    await other.tokens.list(ALICE);

    const { token } = await one.tokens.issue(ALICE, WANTED);

    expect(await other.access.authenticate(`Bearer ${token}`, FROM)).toMatchObject({ name: 'alice' });
  });

  it('survive every process', async () => {
    const { token } = await one.tokens.issue(ALICE, WANTED);
    const later = await start();

    expect(await later.access.authenticate(`Bearer ${token}`, FROM)).toMatchObject({ name: 'alice' });
  });

  it('that are made up cost one list a second, however many', async () => {
    const madeUp = async (index: number): Promise<string> =>
      one.access.authenticate(`Bearer opp_${String(index).padStart(16, '0')}_${'A'.repeat(43)}`, FROM).then(() => 'known', (error: { code: string }) => error.code);
    await one.tokens.list(ALICE);
    const before = one.lists();

    const first = await Promise.all(Array.from({ length: 300 }, async (_, index) => madeUp(index)));
    const after = one.lists() - before;
    const again = await Promise.all(Array.from({ length: 300 }, async (_, index) => madeUp(index)));

    expect(new Set([...first, ...again])).toEqual(new Set(['unauthenticated']));
    expect(after).toBe(1);
    expect(one.lists() - before).toBe(1);
  });

  it('are good too in a process that looked in vain for another one less than a second ago', async () => {
    const other = await start();
    await other.access.authenticate(`Bearer opp_0000000000000000_${'A'.repeat(43)}`, FROM).catch(() => undefined);
    const { token } = await one.tokens.issue(ALICE, WANTED);

    const began = performance.now();
    const principal = await other.access.authenticate(`Bearer ${token}`, FROM);

    expect(principal).toMatchObject({ name: 'alice' });
    expect(performance.now() - began).toBeLessThan(3_000);
  });

  it.each([
    ['with another secret', (token: string): string => token.slice(0, -4) + (token.endsWith('AAAA') ? 'BBBB' : 'AAAA')],
    ['with another id', (token: string): string => token.replace(/^opp_./, token.startsWith('opp_0') ? 'opp_1' : 'opp_0')],
    ['cut short', (token: string): string => token.slice(0, -1)],
  ])('are worth nothing %s', async (_how, change) => {
    const { token } = await one.tokens.issue(ALICE, WANTED);

    await expect(one.access.authenticate(`Bearer ${change(token)}`, FROM)).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('end when they say', async () => {
    const { token } = await one.tokens.issue(ALICE, { ...WANTED, expires: '2026-06-01T15:00:00+02:00' });
    now = Date.parse('2026-06-01T12:59:59Z');
    const before = await one.access.authenticate(`Bearer ${token}`, FROM);
    now = Date.parse('2026-06-01T13:00:00Z');

    expect(before).toMatchObject({ name: 'alice' });
    await expect(one.access.authenticate(`Bearer ${token}`, FROM)).rejects.toThrow('expired at 2026-06-01T13:00:00.000Z');
  });

  it('end with their owner', async () => {
    const { token } = await one.tokens.issue(ALICE, WANTED);
    await writeFile(usersFile, `bob:${bcrypt.hashSync('builder', 4)}\n`);
    now += 1_000;

    await expect(one.access.authenticate(`Bearer ${token}`, FROM)).rejects.toThrow('its owner is gone');
  });

  it('of a user called admin have not the rights of the admin token', async () => {
    await writeFile(usersFile, `admin:${bcrypt.hashSync('x', 4)}\n`);
    now += 1_000;
    const { token } = await one.tokens.login('admin', 'x', FROM);
    const principal = await one.access.authenticate(`Bearer ${token}`, FROM);

    expect(await one.access.may(principal, 'admin', { ecosystem: 'alpha', package: null })).toBe(false);
    expect(await one.tokens.list(ADMIN)).toEqual([]);
  });

  it('are revoked everywhere, by id or by themselves', async () => {
    const other = await start();
    const [first, second] = [await one.tokens.issue(ALICE, WANTED), await one.tokens.issue(ALICE, WANTED)];
    const principal = await one.access.authenticate(`Bearer ${second.token}`, FROM);

    await one.tokens.revoke(ALICE, first.info.id);
    await one.tokens.revoke(principal, second.token);

    for (const { token } of [first, second]) {
      await expect(one.access.authenticate(`Bearer ${token}`, FROM)).rejects.toMatchObject({ code: 'unauthenticated' });
      await expect(other.access.authenticate(`Bearer ${token}`, FROM)).rejects.toMatchObject({ code: 'unauthenticated' });
    }
    await expect(one.tokens.revoke(ALICE, first.info.id)).rejects.toMatchObject({ code: 'not-found' });
    expect(await one.tokens.list(ALICE)).toEqual([]);
  });

  it('are revoked by their owner, the admin, or who has them; by nobody else', async () => {
    const issued = await Promise.all(Array.from({ length: 4 }, async () => one.tokens.issue(ALICE, WANTED)));
    const [a, b, c, d] = issued;
    const bob: Principal = { kind: 'user', name: 'bob', tokenId: null };
    const narrow = await one.access.authenticate(`Bearer ${d?.token}`, FROM);

    await expect(one.tokens.revoke(bob, a?.info.id ?? '')).rejects.toMatchObject({ code: 'forbidden' });
    await expect(one.tokens.revoke(narrow, a?.info.id ?? '')).rejects.toMatchObject({ code: 'forbidden' });
    await expect(one.tokens.revoke({ kind: 'anonymous', name: 'anonymous', tokenId: null }, a?.info.id ?? '')).rejects.toMatchObject({ code: 'unauthenticated' });
    await expect(one.tokens.revoke(ALICE, 'no such')).rejects.toMatchObject({ code: 'not-found' });
    await one.tokens.revoke(ADMIN, a?.info.id ?? '');
    await one.tokens.revoke(bob, b?.token ?? '');
    await one.tokens.revoke(narrow, d?.info.id ?? '');

    expect((await one.tokens.list(ALICE)).map(({ id }) => id)).toEqual([c?.info.id]);
  });

  it('are listed for their owner only; a narrow one sees itself', async () => {
    const [first, second] = [await one.tokens.issue(ALICE, WANTED), await one.tokens.issue(ALICE, { ...WANTED, description: 'second' })];
    await one.tokens.issue(ADMIN, WANTED);
    const narrow = await one.access.authenticate(`Bearer ${second.token}`, FROM);

    expect((await one.tokens.list(ALICE)).map(({ id }) => id).sort()).toEqual([first.info.id, second.info.id].sort());
    expect((await one.tokens.list(narrow)).map(({ description }) => description)).toEqual(['second']);
    expect((await one.tokens.list(ADMIN)).map(({ owner }) => owner)).toEqual(['admin']);
    await expect(one.tokens.list({ kind: 'anonymous', name: 'anonymous', tokenId: null })).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('of a sign-in have all that the owner may, and end when they are to', async () => {
    const { token, info } = await one.tokens.signIn(ALICE, { description: 'from a browser', expires: '2026-06-02T12:00:00Z' });
    const who = await one.access.authenticate(`Bearer ${token}`, FROM);

    expect(info).toMatchObject({ owner: 'alice', description: 'from a browser', expires: '2026-06-02T12:00:00.000Z' });
    expect(await one.access.may(who, 'publish', { ecosystem: 'alpha', package: 'x' })).toBe(true);
    now = Date.parse('2026-06-02T12:00:01Z');
    await expect(one.access.authenticate(`Bearer ${token}`, FROM)).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('of a sign-in are for users and the administrator alone', async () => {
    const who = await one.access.authenticate(`Bearer ${(await one.tokens.signIn(ADMIN, { description: '', expires: '2027-01-01T00:00:00Z' })).token}`, FROM);

    expect(await one.access.may(who, 'admin', { ecosystem: 'alpha', package: 'x' })).toBe(true);
    for (const owner of [who, { kind: 'anonymous', name: 'anonymous', tokenId: null } as const]) {
      await expect(one.tokens.signIn(owner, { description: '', expires: '2027-01-01T00:00:00Z' })).rejects.toMatchObject({ code: 'forbidden' });
    }
    await expect(one.tokens.signIn(ALICE, { description: '', expires: '2020-01-01T00:00:00Z' })).rejects.toMatchObject({ code: 'invalid' });
  });

  it('of a login have all that the user may, for 90 days', async () => {
    const { token, info } = await one.tokens.login('alice', 'wonderland', FROM);
    const principal = await one.access.authenticate(`Bearer ${token}`, FROM);
    const made = await one.tokens.issue(principal, { ...WANTED, expires: info.expires });

    expect(info).toMatchObject({ owner: 'alice', description: 'login', expires: '2026-08-30T12:00:00.000Z' });
    expect(await one.access.may(principal, 'delete', { ecosystem: 'beta', package: 'x' })).toBe(true);
    expect(await one.access.may(principal, 'admin', { ecosystem: 'beta', package: 'x' })).toBe(false);
    expect(made.info.owner).toBe('alice');
    await expect(one.tokens.login('alice', 'wrong', FROM)).rejects.toMatchObject({ code: 'unauthenticated' });
    await expect(one.tokens.login('nobody', 'wonderland', FROM)).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it.each<[string, () => Promise<Principal> | Principal, Partial<typeof WANTED> | { expires: string }, string]>([
    ['beyond the owner\'s rights', () => ALICE, { scope: { ...SCOPE, actions: ['admin'] } }, 'forbidden'],
    ['for nobody', () => ({ kind: 'anonymous', name: 'anonymous', tokenId: null }), {}, 'unauthenticated'],
    ['that ended already', () => ALICE, { expires: '2020-01-01T00:00:00Z' }, 'invalid'],
    ['with an end that is none', () => ALICE, { expires: 'soon' }, 'invalid'],
    ['without actions', () => ALICE, { scope: { ...SCOPE, actions: [] } }, 'invalid'],
    ['without packages', () => ALICE, { scope: { ...SCOPE, packages: [] } }, 'invalid'],
    ['with a pattern that costs too much', () => ALICE, { scope: { ...SCOPE, packages: ['*a*a*a*a*a*b'] } }, 'invalid'],
    ['by a narrow token', async () => one.access.authenticate(`Bearer ${(await one.tokens.issue(ALICE, WANTED)).token}`, FROM), {}, 'forbidden'],
    ['that outlives the token that made it', async () => one.access.authenticate(`Bearer ${(await one.tokens.login('alice', 'wonderland', FROM)).token}`, FROM), {}, 'forbidden'],
  ])('are not issued %s', async (_what, owner, change, code) => {
    const principal = await owner();

    await expect(one.tokens.issue(principal, { ...WANTED, ...change })).rejects.toMatchObject({ code });
  });

  it('cannot be looked up while storage is down; the admin token needs none', async () => {
    const { token } = await one.tokens.issue(ALICE, WANTED);
    const cut = await start({ before: () => {
      throw new ProxyError('storage-unavailable', 'down');
    } });

    await expect(cut.access.authenticate(`Bearer ${token}`, FROM)).rejects.toMatchObject({ code: 'storage-unavailable' });
    expect(await cut.access.authenticate('Bearer admin-token-of-the-operator', FROM)).toMatchObject({ kind: 'admin' });
  });

  it('that somebody else wrote into storage in another form are none', async () => {
    const ledger = new Ledger({ registry: storage.view() });
    await ledger.record({ ecosystem: 'system', name: 'tokens', repository: 'system/tokens' }, [{ key: 'token:0123456789abcdef', value: { hash: 'x', scope: 'all' } }], { by: 'mallory' });

    await expect(one.access.authenticate(`Bearer opp_0123456789abcdef_${'A'.repeat(43)}`, FROM)).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(await one.tokens.list(ALICE)).toEqual([]);
  });
});
