import { providerRelease, signingKey, type TestKey } from '@oci-package-proxy/testing';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { ADMIN, type SampleOptions, type SampleRegistry, startSampleRegistry } from '../sample-registry.contract.ts';
import { upload } from './sample-provider.contract.ts';

const PATH = '/api/v1/terraform/providers/acme/demo/1.0.0';

let key: TestKey;
let sample: SampleRegistry;

beforeAll(async () => {
  key = await signingKey({ kind: 'ed25519-legacy' });
});

async function start(options: SampleOptions = {}): Promise<void> {
  sample = await startSampleRegistry(options);
  await sample.parts.keys.add('acme', key.publicKey, { by: 'spec' });
}

async function release(options: Partial<Parameters<typeof providerRelease>[0]> = {}): ReturnType<typeof providerRelease> {
  return providerRelease({ type: 'demo', version: '1.0.0', platforms: ['linux_amd64'], key, ...options });
}

afterEach(async () => sample.stop());

describe('publishing a provider', () => {
  beforeEach(async () => start());

  it('creates it, says so of the same again, and refuses another one of that version', async () => {
    const made = await release();
    const created = await upload(sample, made);
    const same = await upload(sample, made);
    const other = await upload(sample, await release({ program: () => Buffer.from('#!/bin/sh\necho other\n') }));

    expect([created.status, same.status, other.status]).toEqual([201, 200, 409]);
    expect(created.json()).toEqual({ name: 'localhost/acme/demo', version: '1.0.0', outcome: 'created', files: expect.arrayContaining([made.sums.filename]) as unknown, warnings: [] });
    expect(same.json()).toMatchObject({ outcome: 'same' });
    expect(other.json()).toEqual({ error: expect.stringContaining('exists already') as string, code: 'conflict' });
    expect(other.reason).toContain('exists already');
    expect(sample.writes).toEqual(['done', 'done', 'refused']);
  });

  it('is refused without a right, and says which', async () => {
    const made = await release();
    const anonymous = await upload(sample, made, { headers: {} });
    const wrong = await upload(sample, made, { headers: { authorization: 'Bearer wrong' } });
    const { token } = await sample.tokens.issue({ kind: 'admin', name: 'admin', tokenId: null }, { description: 'x', expires: null, scope: { actions: ['publish'], ecosystem: 'terraform', packages: ['providers/localhost/other/**'] } });
    const forbidden = await upload(sample, made, { headers: { authorization: `Bearer ${token}` } });

    expect([anonymous.status, wrong.status, forbidden.status]).toEqual([401, 401, 403]);
    expect(anonymous.headers['www-authenticate']).toContain('Basic');
    expect(forbidden.json()).toMatchObject({ code: 'forbidden', error: expect.stringContaining('providers/localhost/acme/demo') as string });
    expect((await sample.ask('/terraform/providers/v1/acme/demo/versions')).status).toBe(404);
  });

  it('is refused for names that nothing can be called, a body in a coding, and other kinds of body', async () => {
    const made = await release();
    const answers = [
      await upload(sample, made, { path: '/api/v1/terraform/providers/a_b/demo/1.0.0' }),
      await upload(sample, made, { path: '/api/v1/terraform/providers/acme/demo/v1.0.0' }),
      await upload(sample, made, { headers: { authorization: ADMIN, 'content-encoding': 'gzip' } }),
      await sample.ask(PATH, { method: 'POST', headers: { authorization: ADMIN, 'content-type': 'application/json' }, body: '{}' }),
      await sample.ask(PATH, { method: 'POST', headers: { authorization: ADMIN } }),
    ];

    expect(answers.map(({ status }) => status)).toEqual([400, 400, 415, 415, 415]);
    expect(answers.every((answer) => typeof answer.json()['error'] === 'string' && answer.reason !== '')).toBe(true);
  });

  it('is read to its end before it is refused, as no client reads an answer before', async () => {
    const made = await release({ program: () => Buffer.alloc(8 * 2 ** 20, 1), entries: [{ path: 'big', content: Buffer.from(Array.from({ length: 4 * 2 ** 20 }, (_, index) => (index * 7919) % 251)), mode: 0o644 }] });

    const answer = await upload(sample, made, { headers: {} });

    expect([answer.status, answer.brokenOff]).toEqual([401, false]);
  });

  it('works by the form of the original project, at all its addresses', async () => {
    for (const [index, path] of ['/terraform/upload', '/terraform/terraform/upload'].entries()) {
      const version = `1.${index}.0`;
      const answer = await upload(sample, await release({ version }), { path, fields: { namespace: 'acme', type: 'demo', version } });

      expect([answer.status, answer.json()], path).toEqual([201, expect.objectContaining({ name: 'localhost/acme/demo', version })]);
    }
    const denied = await upload(sample, await release({ version: '2.0.0' }), { path: '/terraform/upload', headers: {}, fields: { namespace: 'acme', type: 'demo', version: '2.0.0' } });
    const bad = await upload(sample, await release({ version: '2.0.0' }), { path: '/terraform/upload', fields: { namespace: 'a_b', type: 'demo', version: '2.0.0' } });

    expect([denied.status, bad.status]).toEqual([401, 400]);
    expect(bad.json()).toMatchObject({ code: 'invalid' });
  });

  it('works in several requests, which any replica takes', async () => {
    const made = await release();
    const headers = { authorization: ADMIN };
    const other = await startSampleRegistry({ registry: sample.registry });
    const begun = await sample.ask(`${PATH}/uploads`, { method: 'POST', headers });
    const session = new URL(begun.headers.location ?? '', `http://x${PATH}/uploads`).pathname;
    const statuses: number[] = [];
    for (const file of made.files) {
      const put = { method: 'PUT', headers, body: Buffer.concat([...file.pieces()]) };
      statuses.push((await sample.ask(`${session}/${file.filename}`, put)).status, (await other.ask(`${session}/${file.filename}`, put)).status);
    }
    const staged = await other.ask(session, { headers });
    const denied = await sample.ask(session);
    const committed = await other.ask(`${session}/commit`, { method: 'POST', headers });
    const after = await other.ask(`${session}/commit`, { method: 'POST', headers });
    await other.stop();

    expect([begun.status, begun.json()['version']]).toEqual([201, '1.0.0']);
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect((staged.json()['files'] as { readonly filename: string }[]).map(({ filename }) => filename).sort()).toEqual(made.files.map(({ filename }) => filename).sort());
    expect([denied.status, committed.status, after.status]).toEqual([401, 201, 404]);
    expect((await sample.ask('/terraform/providers/v1/acme/demo/versions')).status).toBe(200);
  });

  it('in several requests can be given up', async () => {
    const headers = { authorization: ADMIN };
    const begun = await sample.ask(`${PATH}/uploads`, { method: 'POST', headers });
    const session = `${PATH}/uploads/${String(begun.json()['id'])}`;
    const ended = await sample.ask(session, { method: 'DELETE', headers });
    const again = await sample.ask(session, { headers });
    const strange = await sample.ask(`${PATH}/uploads/..%2F..%2Fx`, { headers });

    expect([ended.status, ended.body.length, again.status, strange.status]).toEqual([204, 0, 404, 404]);
  });
});

it.each(['https://evil.example.com', 'null'])('is refused from a page of %s, which a browser that is signed in here would send along', async (origin) => {
  await start();
  const made = await release();
  const headers = { authorization: ADMIN, origin };
  const module = { method: 'POST', headers: { ...headers, 'content-type': 'text/plain' }, body: 'x' };

  for (const path of [PATH, '/terraform/upload', `${PATH}/uploads`]) {
    expect((await upload(sample, made, { path, headers })).status, path).toBe(403);
  }
  expect((await sample.ask('/api/v1/terraform/modules/acme/net/aws/1.0.0', module)).status).toBe(403);
  expect((await sample.ask('/terraform/providers/v1/acme/demo/versions')).status).toBe(404);
});

describe('where publishing is switched off', () => {
  beforeEach(async () => start({ publish: false }));

  it('everybody is told, after who they are', async () => {
    const made = await release();

    expect((await upload(sample, made, { headers: {} })).status).toBe(401);
    for (const path of [PATH, '/terraform/upload', `${PATH}/uploads`]) {
      const answer = await upload(sample, made, { path });

      expect([answer.status, answer.json()], path).toEqual([403, { error: expect.stringContaining('switched off') as string, code: 'forbidden' }]);
    }
    expect((await sample.ask('/api/v1/terraform/modules/acme/net/aws/1.0.0', { method: 'PUT', headers: { authorization: ADMIN }, body: 'x' })).status).toBe(403);
  });
});

it('answers errors of the API as the API does, and of the registry as that does', async () => {
  await start();

  expect((await sample.ask('/api/v1/terraform/nothing')).json()).toMatchObject({ code: 'not-found' });
  expect((await sample.ask('/terraform/nothing')).json()).toEqual({ errors: [expect.stringContaining('nothing')] });
});
