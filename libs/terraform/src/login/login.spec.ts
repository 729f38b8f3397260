import { createHash, randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { temporaryDirectory } from '@oci-package-proxy/testing';
import bcrypt from 'bcryptjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ADMIN, ADMIN_TOKEN, type Answer, basic, type SampleOptions, type SampleRegistry, startSampleRegistry } from '../sample-registry.contract.ts';

const AUTHORIZE = '/terraform/login/authorize';
const TOKEN = '/terraform/login/token';
const REDIRECT = 'http://localhost:10009/login';
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const VERSIONS = '/terraform/providers/v1/acme/demo/versions';

let directory: string;
let sample: SampleRegistry;
let now: number;
let verifier: string;

async function start(options: SampleOptions = {}): Promise<SampleRegistry> {
  return startSampleRegistry({ anonymousRead: false, usersFile: join(directory, 'users'), clock: () => now, ...options });
}

beforeEach(async () => {
  now = Date.parse('2026-06-01T12:00:00Z');
  verifier = randomBytes(32).toString('base64url');
  directory = await temporaryDirectory('login');
  await writeFile(join(directory, 'users'), `alice:${bcrypt.hashSync('wonder:land', 4)}\n`);
  sample = await start();
});

afterEach(async () => {
  await sample.stop();
  await rm(directory, { recursive: true, force: true });
});

type Fields = Readonly<Record<string, string>>;

function wish(change: Fields = {}): Record<string, string> {
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  return { response_type: 'code', client_id: 'terraform-cli', redirect_uri: REDIRECT, state: 'st&te', scope: 'a b', code_challenge: challenge, code_challenge_method: 'S256', ...change };
}

async function ask(change: Fields = {}): Promise<Answer> {
  return sample.ask(`${AUTHORIZE}?${new URLSearchParams(wish(change)).toString()}`);
}

async function signIn(fields: Fields, headers: Record<string, string> = {}): Promise<Answer> {
  return sample.ask(AUTHORIZE, { method: 'POST', headers: { ...FORM, ...headers }, body: new URLSearchParams({ ...wish(), ...fields }).toString() });
}

async function codeOf(fields: Fields = { user: 'alice', password: 'wonder:land' }): Promise<string> {
  const answer = await signIn(fields);
  expect(answer.status, answer.text()).toBe(303);
  return new URL(answer.headers.location ?? '').searchParams.get('code') ?? '';
}

async function redeem(code: string, change: Fields = {}, at: SampleRegistry = sample): Promise<Answer> {
  const body = new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: REDIRECT, client_id: 'terraform-cli', code_verifier: verifier, ...change }).toString();
  return at.ask(TOKEN, { method: 'POST', headers: FORM, body });
}

describe('the sign-in page', () => {
  it('shows who asks and where the token goes, and nothing that could be misused', async () => {
    const page = await ask();

    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers).toMatchObject({ 'cache-control': 'no-store', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer' });
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    expect(page.headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(page.headers['content-security-policy']).toContain("form-action 'self' http://localhost:10009");
    expect(page.text()).toContain(REDIRECT);
    expect(page.text()).toContain('localhost');
    expect(page.text()).toContain('name="state" value="st&amp;te"');
    expect(page.text()).not.toContain('<script');
  });

  it('takes over nothing unescaped', async () => {
    const page = await ask({ state: '"><script>alert(1)</script>' });

    expect(page.text()).not.toContain('<script');
    expect(page.text()).toContain('&quot;&gt;&lt;script&gt;');
  });

  it.each([
    ['redirect_uri', 'https://evil.example.com/login'],
    ['redirect_uri', 'http://evil.example.com:10009/login'],
    ['redirect_uri', 'http://localhost.evil.example.com:10009/login'],
    ['redirect_uri', 'http://localhost:10009@evil.example.com/login'],
    ['redirect_uri', 'http://localhost:10009/login?x=1'],
    ['redirect_uri', 'http://localhost:10009/login#x'],
    ['redirect_uri', 'http://localhost:10009/other'],
    ['redirect_uri', 'http://localhost:10009/login/../x'],
    ['redirect_uri', 'http://localhost:1023/login'],
    ['redirect_uri', 'http://localhost:65536/login'],
    ['redirect_uri', 'http://localhost/login'],
    ['redirect_uri', 'javascript:alert(1)'],
    ['redirect_uri', `${REDIRECT}\n`],
    ['redirect_uri', ''],
    ['response_type', 'token'],
    ['client_id', 'other'],
    ['code_challenge', ''],
    ['code_challenge', 'short'],
    ['code_challenge_method', 'plain'],
    ['code_challenge_method', ''],
    ['state', 'x'.repeat(2000)],
  ])('sends nobody anywhere with %s=%j', async (name, value) => {
    for (const answer of [await ask({ [name]: value }), await signIn({ user: 'alice', password: 'wonder:land', [name]: value })]) {
      expect([answer.status, answer.headers.location]).toEqual([400, undefined]);
      expect(answer.text()).not.toContain('<form');
    }
  });

  it('wants every parameter once', async () => {
    const twice = await sample.ask(`${AUTHORIZE}?${new URLSearchParams(wish()).toString()}&redirect_uri=http://localhost:10008/login`);

    expect(twice.status).toBe(400);
  });

  it('takes the port that the client chose, and 127.0.0.1 too', async () => {
    expect((await ask({ redirect_uri: 'http://127.0.0.1:65535/login' })).status).toBe(200);
    expect((await ask({ redirect_uri: 'http://localhost:1024/login' })).status).toBe(200);
  });
});

describe('signing in', () => {
  it('leads to a token with which everything works', async () => {
    const answer = await signIn({ user: 'alice', password: 'wonder:land' });
    const location = new URL(answer.headers.location ?? '');
    const reply = await redeem(location.searchParams.get('code') ?? '');
    const token = String(reply.json()['access_token']);
    const read = await sample.ask(VERSIONS, { headers: { authorization: `Bearer ${token}` } });

    expect([answer.status, location.origin + location.pathname, location.searchParams.get('state')]).toEqual([303, REDIRECT, 'st&te']);
    expect([reply.status, reply.headers['cache-control'], reply.json()['token_type']]).toEqual([200, 'no-store', 'bearer']);
    expect(read.status).toBe(404);
    expect((await sample.tokens.list({ kind: 'user', name: 'alice', tokenId: null }))[0]).toMatchObject({ description: 'terraform login', expires: '2026-08-30T12:00:00.000Z' });
  });

  it('lasts as long as the operator says', async () => {
    await sample.stop();
    sample = await start({ section: { loginDays: 1 } });
    const { access_token: token } = (await redeem(await codeOf())).json() as { readonly access_token: string };
    const headers = { authorization: `Bearer ${token}` };

    const before = await sample.ask(VERSIONS, { headers });
    now += 86_400_001;
    const after = await sample.ask(VERSIONS, { headers });

    expect([before.status, after.status]).toEqual([404, 401]);
  });

  it('gives what the user may, whatever that is', async () => {
    await sample.stop();
    sample = await start({ rules: [{ who: ['alice'], may: ['read'], ecosystem: 'terraform', packages: ['providers/**'] }] });
    const { access_token: token } = (await redeem(await codeOf())).json() as { readonly access_token: string };
    const headers = { authorization: `Bearer ${token}` };

    expect((await sample.ask(VERSIONS, { headers })).status).toBe(404);
    expect((await sample.ask('/terraform/modules/v1/acme/net/aws/versions', { headers })).status).toBe(403);
  });

  it('hands on a token that is shown as password, and makes one for the administrator', async () => {
    const { token } = await sample.tokens.issue({ kind: 'user', name: 'alice', tokenId: null }, { description: 'x', expires: null, scope: { actions: ['read'], ecosystem: 'terraform', packages: ['providers/**'] } });
    const handedOn = await redeem(await codeOf({ user: 'any', password: token }));
    const admins = await redeem(await codeOf({ user: '', password: ADMIN_TOKEN }));

    expect(handedOn.json()['access_token']).toBe(token);
    expect(admins.json()['access_token']).toMatch(/^opp_/);
    expect((await sample.ask(VERSIONS, { headers: { authorization: `Bearer ${String(admins.json()['access_token'])}` } })).status).toBe(404);
  });

  it.each([
    ['alice', 'wrong'],
    ['nobody', 'wonder:land'],
    ['', ''],
    ['alice', ''],
    ['alice:wonder', 'land'],
    ['__token__', 'opp_0123456789abcdef_0123456789012345678901234567890123456789abc'],
  ])('is asked again for %j and %j, and told why', async (user, password) => {
    const answer = await signIn({ user, password });

    expect([answer.status, answer.headers.location, answer.headers['www-authenticate']]).toEqual([403, undefined, undefined]);
    expect(answer.text()).toContain('role="alert"');
    expect(answer.text()).toContain('<form');
    expect(answer.text()).not.toContain('wonder:land');
  });

  it('is slowed down as every sign-in is', async () => {
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 7; attempt += 1) {
      statuses.push((await signIn({ user: 'alice', password: `wrong ${attempt}` })).status);
    }

    expect(statuses.slice(0, 5)).toEqual([403, 403, 403, 403, 403]);
    expect(statuses.at(-1)).toBe(429);
    expect((await signIn({ user: 'alice', password: 'wonder:land' })).text()).toContain('Too many wrong passwords');
  });

  it('takes no form of another site, none that is none, and none without end', async () => {
    const fields = { user: 'alice', password: 'wonder:land' };

    expect((await signIn(fields, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await signIn(fields, { 'content-type': 'application/json' })).status).toBe(415);
    expect((await signIn({ ...fields, more: 'x'.repeat(20_000) })).status).toBe(413);
    expect((await signIn(fields, { 'sec-fetch-site': 'same-origin' })).status).toBe(303);
  });

  it('is not for whoever shows a credential already', async () => {
    const page = await sample.ask(`${AUTHORIZE}?${new URLSearchParams(wish()).toString()}`, { headers: { authorization: ADMIN } });
    const wrong = await sample.ask(`${AUTHORIZE}?${new URLSearchParams(wish()).toString()}`, { headers: { authorization: basic('x', 'y') } });

    expect([page.status, wrong.status]).toEqual([200, 200]);
    expect(page.text()).toContain('<form');
  });
});

describe('a code', () => {
  it('is good on every replica', async () => {
    const other = await start({ registry: sample.registry });
    const reply = await redeem(await codeOf(), {}, other);
    await other.stop();

    expect(reply.status).toBe(200);
  });

  it('is good once', async () => {
    const code = await codeOf();
    const [first, second] = [await redeem(code), await redeem(code)];

    expect([first.status, second.status, second.json()['error']]).toEqual([200, 400, 'invalid_grant']);
  });

  it('ends after a minute', async () => {
    const code = await codeOf();
    now += 60_001;

    expect((await redeem(code)).json()['error']).toBe('invalid_grant');
  });

  it.each<[string, Fields, string]>([
    ['another verifier', { code_verifier: randomBytes(32).toString('base64url') }, 'invalid_grant'],
    ['no verifier', { code_verifier: '' }, 'invalid_grant'],
    ['another address', { redirect_uri: 'http://localhost:10008/login' }, 'invalid_grant'],
    ['another client', { client_id: 'other' }, 'invalid_client'],
    ['another kind of grant', { grant_type: 'password' }, 'unsupported_grant_type'],
  ])('is nothing with %s, and still good with the right one', async (_, change, error) => {
    const code = await codeOf();
    const refused = await redeem(code, change);

    expect([refused.status, refused.headers['content-type'], refused.json()['error']]).toEqual([400, 'application/json', error]);
    expect((await redeem(code)).status).toBe(200);
  });

  it('that was changed or made with another key is nothing', async () => {
    const code = await codeOf();
    const other = await start({ registry: sample.registry, secret: 'other'.repeat(10) });
    const flipped = `${code.slice(0, 30)}${code[30] === 'A' ? 'B' : 'A'}${code.slice(31)}`;
    const errors = [await redeem(flipped), await redeem(code, {}, other), await redeem('x'), await redeem(''), await redeem(`${code}=`)].map((answer) => answer.json()['error']);
    await other.stop();

    expect(new Set(errors)).toEqual(new Set(['invalid_grant']));
  });

  it('tells nothing of what it holds', async () => {
    const code = await codeOf();

    expect(Buffer.from(code, 'base64url').toString('latin1')).not.toContain('alice');
  });

  it('is taken as a form alone', async () => {
    const answer = await sample.ask(TOKEN, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });

    expect([answer.status, answer.json()['error']]).toEqual([400, 'invalid_request']);
  });
});
