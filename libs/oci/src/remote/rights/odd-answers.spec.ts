import { type ScriptedServer, startScriptedServer } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { RepositoryAction } from './registry-rights.ts';
import { RemoteRegistryRights } from './remote-registry-rights.ts';

const ALICE = { username: 'alice', password: 'alice-secret' };
const SECRETS = ['alice-secret', Buffer.from('alice:alice-secret').toString('base64')];

/** What the scripted registry answers where the credential was shown. */
interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const OK: Answer = { status: 200, headers: { 'content-type': 'application/json' }, body: '{"tags":[]}' };
const unknownName = (status: number): Answer => ({ status, body: '{"errors":[{"code":"NAME_UNKNOWN"}]}' });

let server: ScriptedServer;
let other: ScriptedServer;
let rights: RemoteRegistryRights;
let answers: (method: string, path: string) => Answer;

beforeEach(async () => {
  other = await startScriptedServer();
  server = await startScriptedServer(({ method, url, headers }, response) => {
    const { status, headers: given = {}, body = '' } = headers.authorization === undefined ? { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } } : answers(method, url);
    response.writeHead(status, given).end(body);
  });
  answers = () => OK;
  rights = new RemoteRegistryRights({ url: `${server.url}/team` });
});
afterEach(async () => {
  await rights.close();
  await server.stop();
  await other.stop();
});

/** The answer, or the code of the failure. Whatever it is, it tells no credential. */
async function said(action: RepositoryAction, repository = 'team/a'): Promise<string> {
  try {
    return await rights.may(ALICE, action, repository);
  } catch (error) {
    expect(SECRETS.some((secret) => JSON.stringify([String(error), error]).includes(secret))).toBe(false);
    return (error as { readonly code: string }).code;
  }
}

describe('an odd answer to whether somebody may', () => {
  it.each<[string, RepositoryAction, Answer, string]>([
    ['pull: a list of tags', 'pull', OK, 'yes'],
    ['pull: a list without an end', 'pull', { ...OK, body: `{"tags":["${'x'.repeat(8 * 2 ** 20)}"]}` }, 'yes'],
    ['pull: no such repository', 'pull', unknownName(404), 'missing'],
    ['pull: no such repository, behind a 401', 'pull', unknownName(401), 'no'],
    ['pull: no such repository, behind a 403', 'pull', unknownName(403), 'no'],
    ['pull: the page of a gateway', 'pull', { status: 200, headers: { 'content-type': 'text/html' }, body: '<p>Sign in' }, 'storage-unavailable'],
    ['pull: not taken', 'pull', { status: 405 }, 'storage-unavailable'],
    ['pull: malformed', 'pull', { status: 400 }, 'storage-unavailable'],
    ['pull: down', 'pull', { status: 503 }, 'storage-unavailable'],
    ['pull: too many', 'pull', { status: 429, headers: { 'retry-after': '60' } }, 'storage-unavailable'],
    ['push: an upload', 'push', { status: 202, headers: { location: '/v2/team/a/blobs/uploads/1' } }, 'yes'],
    ['push: an upload that says not where', 'push', { status: 202 }, 'yes'],
    ['push: done', 'push', { status: 200 }, 'storage-unavailable'],
    ['push: no such repository, and none is made', 'push', unknownName(404), 'missing'],
    ['push: denied', 'push', { status: 403 }, 'no'],
    ['push: read-only', 'push', { status: 405 }, 'storage-unavailable'],
    ['delete: no such manifest', 'delete', { status: 404, body: '{"errors":[{"code":"MANIFEST_UNKNOWN"}]}' }, 'yes'],
    ['delete: denied', 'delete', { status: 403 }, 'no'],
    ['delete: nothing is deleted there', 'delete', { status: 405, body: '{"errors":[{"code":"UNSUPPORTED"}]}' }, 'unsaid'],
    ['delete: down', 'delete', { status: 502 }, 'storage-unavailable'],
  ])('%s', async (_what, action, answer, expected) => {
    answers = () => answer;

    expect(await said(action)).toBe(expected);
  });

  it('is followed nowhere else by a credential: no redirect, and no upload that lies elsewhere', async () => {
    answers = (method) => (method === 'POST' ? { status: 202, headers: { location: `${other.url}/v2/team/a/blobs/uploads/1` } } : { status: 307, headers: { location: `${other.url}/v2/team/a/tags/list` } });

    expect(await said('pull')).toBe('storage-unavailable');
    expect(await said('push')).toBe('yes');
    expect(other.requests).toEqual([]);
  });

  it.each(['http://192.0.2.1/token', 'https://10.0.0.1/token', 'https://user:secret@tokens.example.com/', 'nowhere'])('leads to no token service at %s', async (realm) => {
    server.answer((_request, response) => void response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="x"` }).end());

    expect(await said('pull')).toBe('storage-denied');
    await expect(rights.knows(ALICE)).rejects.toMatchObject({ code: 'storage-denied' });
    expect(server.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });
});

describe('a token service', () => {
  let token: (scopes: readonly string[]) => Answer;

  beforeEach(() => {
    server.answer(({ url, headers }, response) => {
      const { pathname, searchParams } = new URL(url, server.url);
      const bearer = headers.authorization?.startsWith('Bearer ') === true;
      const challenge = { 'www-authenticate': `Bearer realm="${server.url}/token",service="x",scope="repository:mirror/team/a:pull"` };
      const answer = bearer ? OK : { status: 401, headers: challenge };
      const given: Answer = pathname === '/token' ? token(searchParams.getAll('scope')) : answer;
      response.writeHead(given.status, given.headers ?? {}).end(given.body);
    });
  });

  it.each<[string, unknown, string]>([
    ['everything', [{ type: 'repository', name: 'team/a', actions: ['*'] }], 'yes'],
    ['nothing', [], 'no'],
    ['no action', [{ type: 'repository', name: 'team/a', actions: null }], 'no'],
    ['another action', [{ type: 'repository', name: 'team/a', actions: ['push'] }], 'no'],
    ['of other repositories only, as behind a gateway: then the request itself counts', [{ type: 'repository', name: 'mirror/team/a', actions: ['pull'] }], 'yes'],
    ['no claim that we know: then the request itself counts', 'pull', 'yes'],
  ])('that grants %s', async (_what, access, expected) => {
    token = () => ({ status: 200, body: JSON.stringify({ token: `e30.${Buffer.from(JSON.stringify({ access })).toString('base64url')}.c2ln` }) });

    expect(await said('pull')).toBe(expected);
  });

  it.each<[number, string]>([[401, 'no'], [403, 'no'], [400, 'storage-unavailable'], [302, 'storage-denied'], [500, 'storage-unavailable']])('that answers %s', async (status, expected) => {
    token = () => ({ status, headers: { location: other.url } });

    expect(await said('pull')).toBe(expected);
    expect(other.requests).toEqual([]);
  });

  it('that gives strangers a token lets nobody sign in', async () => {
    token = () => ({ status: 200, body: '{"token":"opaque"}' });

    await expect(rights.knows(ALICE)).rejects.toMatchObject({ code: 'storage-denied', message: expect.stringMatching(/takes any user name and password/) as string });
  });
});
