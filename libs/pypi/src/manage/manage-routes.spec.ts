import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { type Access, createAccess } from '@oci-package-proxy/access';

import { yankedFileKey, yankedVersionKey } from '../model/fold-keys.ts';
import { mainRef } from '../model/holdings.ts';
import { type ManageAnswer, type ManageApp, startManageApp } from './manage-app.contract.ts';
import { type SampleProjects, startSampleProjects, wheel } from './sample-projects.contract.ts';

const ADMIN = 'spec-admin-token-0123456789abcdef';

let sample: SampleProjects;
let access: Access;
let closeAccess: () => void;
let app: ManageApp;
let results: string[];
let count = 0;
/** Another project for every test, with one file of 1.0+local. */
let name: string;
let file: string;

beforeAll(async () => {
  sample = await startSampleProjects();
  ({ access, close: closeAccess } = await createAccess({ usersFile: null, adminToken: ADMIN, anonymousRead: true, rules: null, ledger: sample.ledger }));
  app = await startManageApp(access, { management: sample.management, writable: true, onWrite: (result) => results.push(result) });
});
afterAll(async () => {
  await app.close();
  closeAccess();
  await sample.close();
});
beforeEach(async () => {
  results = [];
  count += 1;
  name = `routed-${count}`;
  file = wheel(name, '1.0+local').filename;
  await sample.publish(mainRef(name), wheel(name, '1.0+local'));
});

async function ask(method: string, path: string, body?: unknown): Promise<ManageAnswer> {
  return app.ask(method, path, { token: ADMIN, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
}

async function valueOf(key: string): Promise<unknown> {
  return (await sample.fold(mainRef(name))).values.get(key)?.value;
}

it('shows a project to whoever may read', async () => {
  const answer = await app.ask('GET', `projects/${name.toUpperCase()}`);

  expect(answer).toEqual({ status: 200, type: 'application/json', body: JSON.parse(JSON.stringify(await sample.management.states.get(name))) as unknown });
});

it('answers HEAD', async () => {
  expect(await app.ask('HEAD', `projects/${name}`)).toEqual({ status: 200, type: 'application/json', body: null });
});

describe('yanks', () => {
  it.each([
    ['1.0+local', { reason: 'bad' }, 'bad'],
    ['1.0%2Blocal', { reason: 'bad' }, 'bad'],
    ['1.0+LOCAL', {}, ''],
    ['1.0+local', { reason: null }, ''],
    ['1.0+local', undefined, ''],
  ])('of version %s with %j', async (version, body, reason) => {
    const answer = await ask('PUT', `projects/${name}/versions/${version}/yank`, body);

    expect(answer).toMatchObject({ status: 200, body: { name, version: decodeURIComponent(version), yanked: reason, changed: true } });
    expect(await valueOf(yankedVersionKey('1+local'))).toBe(reason);
  });

  it('of a version, taken back', async () => {
    await ask('PUT', `projects/${name}/versions/1.0+local/yank`);

    expect(await ask('DELETE', `projects/${name}/versions/1.0+local/yank`)).toMatchObject({ status: 200, body: { yanked: null, changed: true } });
    expect(await valueOf(yankedVersionKey('1+local'))).toBeNull();
  });

  it('of a file, and taken back', async () => {
    const path = `projects/${name}/files/${encodeURIComponent(file)}/yank`;

    expect(await ask('PUT', path, { reason: 'bad' })).toMatchObject({ status: 200, body: { filename: file, yanked: 'bad' } });
    expect(await valueOf(yankedFileKey(file))).toBe('bad');
    expect(await ask('DELETE', path)).toMatchObject({ status: 200, body: { filename: file, yanked: null } });
  });
});

describe('deletions', () => {
  it.each([
    ['a version', () => `projects/${name}/versions/1.0+local`],
    ['a file', () => `projects/${name}/files/${file}`],
    ['a project', () => `projects/${name}`],
  ])('of %s', async (_what, path) => {
    expect(await ask('DELETE', path())).toEqual({ status: 200, type: 'application/json', body: { name, removed: [file] } });
    expect((await sample.fold(mainRef(name))).facts.size).toBe(0);
  });
});

it('sets and shows a status', async () => {
  const set = await ask('PUT', `projects/${name}/status`, { status: 'archived', reason: 'done' });

  expect(set).toMatchObject({ status: 200, body: { name, status: 'archived', reason: 'done', changed: true } });
  expect(await app.ask('GET', `projects/${name}/status`)).toMatchObject({ status: 200, body: { name, status: 'archived', reason: 'done' } });
});

it.each([
  ['versions/1.0+local/yank', '{"reason":1}', 400, 'invalid', 'reason'],
  ['versions/1.0+local/yank', '{"because":"x"}', 400, 'invalid', '"because"'],
  ['versions/1.0+local/yank', '[]', 400, 'invalid', 'JSON object'],
  ['versions/1.0+local/yank', '{', 400, 'invalid', 'JSON'],
  ['versions/1.0+local/yank', '{"reason":"a\\nb"}', 400, 'invalid', 'control characters'],
  ['versions/2.0/yank', '{}', 404, 'not-found', '"2.0"'],
  ['status', '{"status":"gone"}', 400, 'invalid', 'status'],
  ['status', '{"reason":"x"}', 400, 'invalid', 'status'],
  ['status', '{"status":"archived","note":1}', 400, 'invalid', '"note"'],
  ['status', '', 400, 'invalid', 'JSON object'],
  ['status', `{"status":"archived","reason":"${'x'.repeat(70_000)}"}`, 413, 'too-large', '65536'],
])('PUT %s with %s is refused', async (path, body, status, code, text) => {
  const answer = await app.ask('PUT', `projects/${name}/${path}`, { token: ADMIN, body });

  expect(answer).toMatchObject({ status, type: 'application/json', body: { code, error: expect.stringContaining(text) as string } });
  expect(results).toEqual(['refused']);
  expect((await sample.fold(mainRef(name))).values.size).toBe(0);
});

it.each([[null], ['text/plain'], ['application/x-www-form-urlencoded']])('a body of type %j is refused', async (type) => {
  const answer = await app.ask('PUT', `projects/${name}/status`, { token: ADMIN, body: '{"status":"archived"}', type });

  expect(answer).toMatchObject({ status: 415, body: { code: 'unsupported-media-type' } });
});

it.each([
  ['PUT', 'status'],
  ['PUT', 'versions/1.0+local/yank'],
  ['DELETE', 'versions/1.0+local/yank'],
  ['PUT', 'files/x/yank'],
  ['DELETE', 'files/x/yank'],
  ['DELETE', 'versions/1.0+local'],
  ['DELETE', 'files/x'],
  ['DELETE', ''],
])('%s %s is not for everybody', async (method, path) => {
  const answer = await app.ask(method, `projects/${name}/${path}`, method === 'PUT' ? { body: '{"status":"archived"}' } : {});

  expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
  expect((await sample.fold(mainRef(name))).facts.size).toBe(1);
});

it('says that a project is nowhere, and that a name is none', async () => {
  expect(await ask('GET', 'projects/nobody')).toMatchObject({ status: 404, body: { code: 'not-found' } });
  expect(await ask('GET', 'projects/-x-')).toMatchObject({ status: 400, body: { code: 'invalid' } });
});

it('changes nothing where publishing is switched off, and still shows', async () => {
  const reading = await startManageApp(access, { management: sample.management, writable: false });

  const answers = [await reading.ask('DELETE', `projects/${name}`, { token: ADMIN }), await reading.ask('GET', `projects/${name}`)];
  await reading.close();

  expect(answers.map(({ status }) => status)).toEqual([403, 200]);
  expect((await sample.fold(mainRef(name))).facts.size).toBe(1);
});

it('tells how changes ended', async () => {
  await ask('PUT', `projects/${name}/versions/1.0+local/yank`);
  await ask('DELETE', `projects/${name}/versions/2.0`);
  sample.first.mode = 'error';
  await ask('DELETE', 'projects/only-upstream');
  sample.first.mode = 'up';

  expect(results).toEqual(['done', 'refused', 'failed']);
});
