import { rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { MemoryRegistry } from '@oci-package-proxy/oci';
import { Ledger } from '@oci-package-proxy/storage';
import { temporaryDirectory } from '@oci-package-proxy/testing';
import bcrypt from 'bcryptjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Access } from './access-port.ts';
import { type AccessOptions, createAccess } from './create-access.ts';

const ADMIN = 'admin-token-of-the-operator';
const FROM = { clientAddress: '192.0.2.1' };

function basic(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
}

describe('authenticate', () => {
  let directory: string;
  let usersFile: string;
  let now: number;
  let warnings: string[];
  let access: Access;

  const open = async (change: Partial<AccessOptions> = {}): Promise<Access> => {
    const made = await createAccess({
      usersFile,
      adminToken: ADMIN,
      anonymousRead: true,
      rules: null,
      ledger: new Ledger({ registry: new MemoryRegistry() }),
      clock: () => now,
      logger: { info: () => undefined, warn: (fields, message) => warnings.push(`${message} ${JSON.stringify(fields)}`) },
      ...change,
    });
    return made.access;
  };

  beforeEach(async () => {
    directory = await temporaryDirectory('access');
    usersFile = join(directory, 'users');
    now = Date.parse('2026-06-01T12:00:00Z');
    warnings = [];
    await writeFile(usersFile, `alice:${bcrypt.hashSync('wonderland', 4)}\nzoë:${bcrypt.hashSync('p:a:s:s', 4)}\n`);
    access = await open();
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await rm(directory, { recursive: true, force: true });
  });

  it('says that a token is not valid to who says that it is one, and locks nobody out for it', async () => {
    for (let tries = 0; tries < 60; tries += 1) {
      await expect(access.authenticate(basic('__token__', 'a-token-with-a-typo'), FROM)).rejects.toMatchObject({ code: 'unauthenticated', message: expect.stringMatching(/token is not valid/) as string });
    }

    expect(await access.authenticate(basic('__token__', ADMIN), FROM)).toMatchObject({ kind: 'admin' });
  });

  it.each([
    ['nothing', undefined, { kind: 'anonymous', name: 'anonymous', tokenId: null }],
    ['an empty header', ' ', { kind: 'anonymous', name: 'anonymous', tokenId: null }],
    ['a password', basic('alice', 'wonderland'), { kind: 'user', name: 'alice', tokenId: null }],
    ['a password with colons, of a name that is not ASCII', basic('zoë', 'p:a:s:s'), { kind: 'user', name: 'zoë', tokenId: null }],
    ['the admin token', `Bearer ${ADMIN}`, { kind: 'admin', name: 'admin', tokenId: null }],
    ['the admin token, scheme in lower case', `bearer ${ADMIN}`, { kind: 'admin', name: 'admin', tokenId: null }],
    ['the admin token as a password', basic('whoever', ADMIN), { kind: 'admin', name: 'admin', tokenId: null }],
  ])('knows who shows %s', async (_what, header, expected) => {
    expect(await access.authenticate(header, FROM)).toEqual(expected);
  });

  it.each([
    ['a wrong password', basic('alice', 'wonderlanD')],
    ['no password', basic('alice', '')],
    ['a user who is not there', basic('mallory', 'wonderland')],
    ['a wrong admin token', `Bearer ${ADMIN}x`],
    ['the start of the admin token', `Bearer ${ADMIN.slice(0, -1)}`],
    ['another scheme', 'Digest username="alice"'],
    ['a bare word', 'wonderland'],
    ['Bearer with nothing', 'Bearer '],
    ['Basic that is no base64', 'Basic %%%'],
    ['Basic without a colon', `Basic ${Buffer.from('alice').toString('base64')}`],
    ['a password that is far too long', basic('alice', 'x'.repeat(5000))],
    ['a token that nobody issued', `Bearer opp_0123456789abcdef_${'A'.repeat(43)}`],
    ['a bcrypt hash as password', basic('alice', bcrypt.hashSync('wonderland', 4))],
  ])('does not know who shows %s', async (_what, header) => {
    await expect(access.authenticate(header, FROM)).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('knows no admin where no admin token is set', async () => {
    const without = await open({ adminToken: null });

    await expect(without.authenticate('Bearer null', FROM)).rejects.toMatchObject({ code: 'unauthenticated' });
    await expect(without.authenticate(`Bearer ${ADMIN}`, FROM)).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('asks bcrypt once for 500 requests, and again after a minute', async () => {
    const compare = vi.spyOn(bcrypt, 'compare');
    const many = async (): Promise<unknown> => Promise.all(Array.from({ length: 500 }, async () => access.authenticate(basic('alice', 'wonderland'), FROM)));

    await many();
    now += 59_000;
    await many();
    const within = compare.mock.calls.length;
    now += 2_000;
    await many();

    expect([within, compare.mock.calls.length]).toEqual([1, 2]);
  });

  it('never runs more than two bcrypts at once', async () => {
    const real = bcrypt.compare.bind(bcrypt) as (password: string, hash: string) => Promise<boolean>;
    let running = 0;
    let most = 0;
    vi.spyOn(bcrypt, 'compare').mockImplementation(async (password: string, hash: string) => {
      running += 1;
      most = Math.max(most, running);
      const result = await real(password, hash);
      running -= 1;
      return result;
    });

    const outcomes = await Promise.allSettled(Array.from({ length: 100 }, async (_, index) => access.authenticate(basic(`user${index}`, 'guess'), FROM)));
    const codes = outcomes.map((outcome) => (outcome.status === 'rejected' ? (outcome.reason as { code: string }).code : 'known'));

    expect(most).toBe(2);
    expect(codes.filter((code) => code === 'unauthenticated')).toHaveLength(66);
    expect(codes.filter((code) => code === 'rate-limited')).toHaveLength(34);
  });

  it('spends as much on a user who is not there', async () => {
    const compare = vi.spyOn(bcrypt, 'compare');

    await expect(access.authenticate(basic('mallory', 'guess'), FROM)).rejects.toMatchObject({ code: 'unauthenticated' });

    expect(compare).toHaveBeenCalledTimes(1);
    expect(String(compare.mock.calls[0]?.[1])).toMatch(/^\$2b\$04\$.{53}$/);
  });

  it('slows down who guesses, by user and address, and forgets it in time', async () => {
    const guess = async (name: string, password: string, clientAddress = FROM.clientAddress): Promise<string> =>
      access.authenticate(basic(name, password), { clientAddress }).then(() => 'known', (error: { code: string; retryAfterMs?: number }) => `${error.code} ${error.retryAfterMs ?? ''}`.trim());

    const first = [];
    for (let number = 0; number < 6; number += 1) {
      first.push(await guess('alice', `guess ${number}`));
    }
    const meanwhile = [await guess('alice', 'wonderland'), await guess('alice', 'wonderland', '192.0.2.2'), await guess('zoë', 'p:a:s:s')];
    now += 1_000;
    const next = [await guess('alice', 'guess 7'), await guess('alice', 'guess 8')];
    now += 16 * 60_000;
    const later = await guess('alice', 'guess 9');

    expect(first).toEqual([...Array.from({ length: 5 }, () => 'unauthenticated'), 'rate-limited 1000']);
    expect(meanwhile).toEqual(['rate-limited 1000', 'known', 'known']);
    expect(next).toEqual(['unauthenticated', 'rate-limited 2000']);
    expect(later).toBe('unauthenticated');
  });

  it('counts guesses that are made at the same time', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, async (_, index) => access.authenticate(basic('alice', `guess ${index}`), FROM)));
    const codes = outcomes.map((outcome) => (outcome.status === 'rejected' ? (outcome.reason as { code: string }).code : 'known'));

    expect(codes.filter((code) => code === 'unauthenticated')).toHaveLength(5);
    expect(codes.filter((code) => code === 'rate-limited')).toHaveLength(15);
  });

  it('lets who is right in while somebody else guesses from the same address, once known', async () => {
    await access.authenticate(basic('alice', 'wonderland'), FROM);
    for (let number = 0; number < 5; number += 1) {
      await access.authenticate(basic('alice', `guess ${number}`), FROM).catch(() => undefined);
    }

    expect(await access.authenticate(basic('alice', 'wonderland'), FROM)).toMatchObject({ name: 'alice' });
  });

  it('reads the users file again when it changed, and at most once a second', async () => {
    await access.authenticate(basic('alice', 'wonderland'), FROM);
    await writeFile(usersFile, `bob:${bcrypt.hashSync('builder', 4)}\nbad line\n`);
    await utimes(usersFile, new Date(), new Date(Date.now() + 5_000));

    const atOnce = await access.authenticate(basic('alice', 'wonderland'), FROM);
    now += 1_000;

    expect(atOnce).toMatchObject({ name: 'alice' });
    await expect(access.authenticate(basic('alice', 'wonderland'), FROM)).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(await access.authenticate(basic('bob', 'builder'), FROM)).toMatchObject({ name: 'bob' });
    expect(warnings).toEqual([expect.stringMatching(/cannot be used.*line 2:/)]);
    expect(warnings.join()).not.toContain('bad line');
  });

  it('keeps the users of before while the file is gone, and says so once', async () => {
    await rm(usersFile);
    now += 1_000;
    const first = await access.authenticate(basic('alice', 'wonderland'), FROM);
    now += 1_000;
    await access.authenticate(basic('alice', 'wonderland'), FROM);

    expect(first).toMatchObject({ name: 'alice' });
    expect(warnings).toEqual([expect.stringContaining('ENOENT')]);
  });

  it.each([
    ['is not there', null, /USERS_FILE: the file cannot be used \(ENOENT\)/],
    ['has a line with another hash', 'alice:$apr1$x$y\n', /USERS_FILE[^]*line 1: .*bcrypt/],
  ])('does not start with a users file that %s', async (_what, content, text) => {
    const path = join(directory, 'other');
    if (content !== null) {
      await writeFile(path, content);
    }

    await expect(open({ usersFile: path })).rejects.toMatchObject({ code: 'config', message: expect.stringMatching(text) });
  });
});

describe('authorize', () => {
  it.each([
    [undefined, 'publish', 'lib', 'unauthenticated', 'Sign in to publish alpha package lib.'],
    [undefined, 'read', null, 'unauthenticated', 'Sign in to read alpha packages.'],
    [basic('alice', 'wonderland'), 'publish', '@acme/lib', 'forbidden', 'alice may not publish alpha package @acme/lib.'],
    [basic('alice', 'wonderland'), 'admin', null, 'forbidden', 'alice may not administer alpha packages.'],
  ] as const)('%s: %s %s', async (header, action, name, code, message) => {
    const directory = await temporaryDirectory('authorize');
    const usersFile = join(directory, 'users');
    await writeFile(usersFile, `alice:${bcrypt.hashSync('wonderland', 4)}\n`);
    const { access } = await createAccess({ usersFile, adminToken: null, anonymousRead: true, rules: [], ledger: new Ledger({ registry: new MemoryRegistry() }) });
    const principal = await access.authenticate(header, FROM);
    await rm(directory, { recursive: true, force: true });

    const act = access.authorize(principal, action, { ecosystem: 'alpha', package: name });

    await expect(act).rejects.toMatchObject({ code, message });
  });
});
