import { rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type NpmClient, npmPublishBody, type NpmUpstream, startNpmUpstream } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ADMIN_TOKEN, startStandalone, type Standalone } from './standalone.ts';

describe('what is wrong is refused with a sentence, and costs nothing', () => {
  let upstream: NpmUpstream;
  let proxy: Standalone;
  let npm: NpmClient;

  beforeAll(async () => {
    upstream = await startNpmUpstream([
      { name: 'liar', version: '1.0.0', bytes: 300_000, fault: 'wrong-bytes' },
      { name: 'cut', version: '1.0.0', bytes: 300_000, fault: 'truncated' },
      { name: 'honest', version: '1.0.0', bytes: 300_000 },
      { name: 'tiny-liar', version: '1.0.0', bytes: 100, fault: 'wrong-bytes' },
    ]);
    proxy = await startStandalone({ NPM_UPSTREAM_URL: upstream.url });
    npm = await proxy.client('npm');
  });
  afterAll(async () => {
    await proxy.stop();
    await upstream.close();
  });

  async function put(path: string, body: unknown, headers: Record<string, string> = {}): Promise<{ status: number; error: string }> {
    const answer = await fetch(`${proxy.registry}${path}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${ADMIN_TOKEN}`, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const { error } = (await answer.json()) as { error: string };
    return { status: answer.status, error };
  }

  it.each(['liar', 'cut', 'tiny-liar'])('never ends a transfer cleanly and never stores a byte of it: %s', async (name) => {
    const outcome = await fetch(`${proxy.registry}${name}/-/${name}-1.0.0.tgz`)
      .then(async (answer) => ({ status: answer.status, bytes: (await answer.arrayBuffer()).byteLength }))
      .catch(() => null);
    const project = await npm.makePackage({ name: `wants-${name}`, version: '1.0.0' });
    const installed = await npm.run(['install', name], { cwd: project });

    expect(outcome === null || outcome.status === 502, JSON.stringify(outcome)).toBe(true);
    expect(installed.code, installed.output).not.toBe(0);
    proxy = await proxy.restart({ environment: { NPM_UPSTREAM_URL: 'off' } });
    expect((await fetch(`${proxy.registry}${name}/-/${name}-1.0.0.tgz`)).status).toBe(404);
    proxy = await proxy.restart({ environment: { NPM_UPSTREAM_URL: upstream.url } });
  });

  it('refuses a publish whose shasum, integrity or length lies', async () => {
    const lies = [
      (body: ReturnType<typeof npmPublishBody>) => void Object.assign(body.versions['1.0.0']?.dist ?? {}, { shasum: '0'.repeat(40) }),
      (body: ReturnType<typeof npmPublishBody>) => void Object.assign(body.versions['1.0.0']?.dist ?? {}, { integrity: `sha512-${Buffer.alloc(64).toString('base64')}` }),
      (body: ReturnType<typeof npmPublishBody>) => void Object.assign(Object.values(body._attachments)[0] ?? {}, { length: 7 }),
    ];
    for (const lie of lies) {
      const body = structuredClone(npmPublishBody('lies', '1.0.0'));
      lie(body);

      const answer = await put('lies', body);

      expect(answer.status, answer.error).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
      expect(answer.error).toMatch(/shasum|integrity|length/);
    }
    expect((await fetch(`${proxy.registry}lies`)).status).toBe(404);
  });

  it.each([
    ['JSON that breaks off', 'broken', '{"name": "broken", "versions": {'],
    ['no JSON at all', 'broken', 'hello'],
    ['a body of another package', 'one', npmPublishBody('two', '1.0.0')],
    ['a version that is none', 'broken', npmPublishBody('broken', 'one')],
    ['an empty body', 'broken', ''],
    ['null', 'broken', 'null'],
  ])('answers 4xx to %s', async (_label, path, body) => {
    const answer = await put(path, body);

    expect(answer.status, answer.error).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.error.length).toBeGreaterThan(10);
  });

  it.each(['..%2f..%2fetc', '@a%2f..%2fb', '%2e%2e', '@..%2fx', '.hidden', 'a%00b', '%zz'])('answers 400 or 404 to the name %s and asks upstream nothing', async (name) => {
    const before = upstream.requests.length;

    const answer = await fetch(`${proxy.registry}${name}`);

    expect([400, 404]).toContain(answer.status);
    expect(upstream.requests.slice(before)).toEqual([]);
  });

  it('prints why, as npm shows it', async () => {
    const project = await npm.makePackage({ name: 'p', version: '1.0.0' });
    upstream.mode = 'error';
    const down = await npm.run(['install', 'never-seen'], { cwd: project });
    upstream.mode = 'drop';
    const dropped = await npm.run(['install', 'never-seen-either'], { cwd: project });
    upstream.mode = 'up';

    expect(down.output).toMatch(/E50[234]/);
    expect(down.output).toMatch(/upstream/i);
    expect(dropped.output).toMatch(/E50[234]/);
  });

  it('answers 5xx and loses nothing while storage is out of reach', async () => {
    // Whoever publishes a new name asks whether upstream has it; the tests before made upstream fail.
    proxy = await proxy.restart();
    expect((await put('kept', npmPublishBody('kept', '1.0.0'))).error).toBeUndefined();
    const storage = join(proxy.directory, 'data/oci/npm/kept');
    const elsewhere = join(proxy.directory, 'moved');
    await rename(storage, elsewhere);
    await writeFile(storage, 'not a directory');
    proxy = await proxy.restart();

    const read = await fetch(`${proxy.registry}kept`);
    const publish = await put('kept', npmPublishBody('kept', '1.1.0'));
    await unlink(storage);
    await rename(elsewhere, storage);
    const after = await fetch(`${proxy.registry}kept/-/kept-1.0.0.tgz`);

    expect(read.status).toBeGreaterThanOrEqual(500);
    expect(publish.status).toBeGreaterThanOrEqual(500);
    expect(publish.error).toMatch(/storage/i);
    expect(after.status).toBe(200);
    expect(proxy.app.output()).not.toContain('unhandled');
  });
});

describe('a body over the limit', () => {
  it('answers 413 and stays alive', async () => {
    const proxy = await startStandalone({ NPM_UPSTREAM_URL: 'off' });
    const answer = await fetch(`${proxy.registry}-/package/x/dist-tags/latest`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${ADMIN_TOKEN}` },
      body: JSON.stringify('x'.repeat(8 * 1024 * 1024)),
    }).catch(() => ({ status: 413 }));

    expect(answer.status).toBe(413);
    expect((await fetch(`${proxy.registry}-/ping`)).status).toBe(200);
    await proxy.stop();
  });
});
