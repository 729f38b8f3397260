import { rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { MemoryRegistry } from '@oci-package-proxy/oci';
import { temporaryDirectory } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { ADMIN, type SampleRegistry, startSampleRegistry } from './sample-registry.contract.ts';

// bcrypt of "correct horse battery", cost 10.
const USERS = 'carol:$2b$10$cr5/wi6Qnot5aJ5pjgKcFu9byMyKdcyRBCtI.GUITAWC/1DeaIqgW\n';
const PASSWORD = 'correct horse battery';

let registry: SampleRegistry;
let usersFile: string;

beforeAll(async () => {
  usersFile = join(await temporaryDirectory('users'), 'htpasswd');
  await writeFile(usersFile, USERS);
  registry = await startSampleRegistry({ upstream: null, usersFile });
});
afterAll(async () => {
  await registry.stop();
  await rm(dirname(usersFile), { recursive: true });
});

async function login(password: string, headers: Record<string, string> = {}): Promise<string> {
  const answer = await registry.ask('/-/user/org.couchdb.user:carol', { method: 'PUT', headers, body: { _id: 'org.couchdb.user:carol', name: 'carol', password } });
  return answer.status === 201 ? `Bearer ${String(answer.json()['token'])}` : String(answer.status);
}

it('signs in whoever knows the password, whatever old credential is shown, and out again', async () => {
  const wrong = await login('guess');
  const token = await login(PASSWORD, { authorization: 'Bearer outdated' });
  const me = await registry.ask('/-/whoami', { headers: { authorization: token } });
  const out = await registry.ask(`/-/user/token/${token.slice('Bearer '.length)}`, { method: 'DELETE', headers: { authorization: token } });
  const after = await registry.ask('/-/whoami', { headers: { authorization: token } });

  expect(wrong).toBe('401');
  expect(me.json()).toEqual({ username: 'carol' });
  expect([out.status, after.status]).toEqual([200, 401]);
  expect(JSON.stringify(registry.log)).not.toContain(token.slice('Bearer '.length));
});

it('refuses a body of another user, and one without a password', async () => {
  const other = await registry.ask('/-/user/org.couchdb.user:dave', { method: 'PUT', body: { name: 'carol', password: PASSWORD } });
  const empty = await registry.ask('/-/user/org.couchdb.user:carol', { method: 'PUT', body: { name: 'carol' } });

  expect([other.status, empty.status]).toEqual([400, 400]);
});

it('makes, lists and revokes tokens, for the password only', async () => {
  const authorization = await login(PASSWORD);
  const headers = { authorization };

  const stolen = await registry.ask('/-/npm/v1/tokens', { method: 'POST', headers, body: { readonly: true, expires: 1 } });
  const twice = await registry.ask('/-/npm/v1/tokens', { method: 'POST', headers, body: { password: authorization.slice('Bearer '.length), readonly: true, expires: 1 } });
  const made = await registry.ask('/-/npm/v1/tokens', { method: 'POST', headers, body: { password: PASSWORD, readonly: true, expires: 1 } });
  const reader = `Bearer ${String(made.json()['token'])}`;
  const refused = await registry.ask('/x', { method: 'PUT', headers: { authorization: reader }, body: {} });
  const list = (await registry.ask('/-/npm/v1/tokens', { headers })).json() as { objects: { key: string; readonly: boolean }[]; urls: unknown };
  const revoked = await registry.ask(`/-/npm/v1/tokens/token/${String(made.json()['key'])}`, { method: 'DELETE', headers });
  const after = await registry.ask('/-/whoami', { headers: { authorization: reader } });

  expect([stolen.status, twice.status]).toEqual([401, 401]);
  expect(made.status, made.body.toString()).toBe(201);
  expect(refused.status).toBe(403);
  expect(list.urls).toEqual({});
  expect(list.objects.find(({ key }) => key === made.json()['key'])?.readonly).toBe(true);
  expect(JSON.stringify(list)).not.toContain(reader.slice('Bearer '.length));
  expect([revoked.status, after.status]).toEqual([200, 401]);
});

it('shows a profile to who is signed in', async () => {
  const mine = await registry.ask('/-/npm/v1/user', { headers: { authorization: ADMIN } });
  const someone = await registry.ask('/-/user/org.couchdb.user:carol', { headers: { authorization: ADMIN } });
  const nobody = await registry.ask('/-/npm/v1/user');

  expect(mine.json()).toMatchObject({ name: 'admin', tfa: false });
  expect(someone.json()).toMatchObject({ name: 'carol', email: '' });
  expect(nobody.status).toBe(401);
});

it('changes nothing where publishing is switched off, tokens included', async () => {
  const stored = new MemoryRegistry();
  const closed = await startSampleRegistry({ upstream: null, publish: false, usersFile, registry: stored });
  const headers = { authorization: ADMIN };
  const user = { name: 'carol', password: PASSWORD };

  const answers = [
    await closed.ask('/x', { method: 'PUT', headers, body: {} }),
    await closed.ask('/-/user/org.couchdb.user:carol', { method: 'PUT', body: user }),
    await closed.ask('/-/user/org.couchdb.user:carol/-rev/1', { method: 'PUT', body: user }),
    await closed.ask('/-/npm/v1/tokens', { method: 'POST', headers, body: { password: ADMIN.slice('Bearer '.length) } }),
    await closed.ask('/-/npm/v1/tokens/token/0123456789abcdef', { method: 'DELETE', headers }),
    await closed.ask('/-/user/token/0123456789abcdef', { method: 'DELETE', headers }),
  ];
  const basic = await closed.ask('/-/whoami', { headers: { authorization: `Basic ${Buffer.from(`carol:${PASSWORD}`).toString('base64')}` } });
  await closed.stop();

  expect(answers.map(({ status, json }) => [status, json()['error']])).toEqual(answers.map(() => [403, expect.stringContaining('switched off')]));
  expect(stored.operations.filter(({ kind }) => kind.startsWith('write'))).toEqual([]);
  expect(basic.json()).toEqual({ username: 'carol' });
});
