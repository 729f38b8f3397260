import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type CommandResult, type ProviderRelease, providerRelease, rootModule, signingKey, temporaryDirectory, type TestKey } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { OWN_PLATFORM } from './own-platform.ts';
import { AVAILABLE, type Program, programPath } from './terraform-programs.ts';
import { startTerraformStandalone, type TerraformStandalone } from './terraform-standalone.ts';

const DAY_MS = 86_400_000;

describe('keys and signatures, as clients check them', () => {
  let directory: string;
  let proxy: TerraformStandalone;
  let own: TestKey;

  beforeAll(async () => {
    directory = await temporaryDirectory('terraform-signing');
    own = await signingKey({ kind: 'rsa', name: 'The proxy' });
    await writeFile(join(directory, 'own.asc'), own.privateKey);
    const config = join(directory, 'config.yaml');
    await writeFile(config, JSON.stringify({ ecosystems: { terraform: { signing: { unsigned: { keyFile: 'own.asc' } } } } }));
    proxy = await startTerraformStandalone({ CONFIG_FILE: config });
  });
  afterAll(async () => {
    await proxy?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  async function release(type: string, key: TestKey | null, version = '1.0.0'): Promise<ProviderRelease> {
    return providerRelease({ type, version, platforms: [OWN_PLATFORM], key });
  }

  async function init(program: Program, address: string): Promise<CommandResult> {
    const client = await proxy.client(`${program} ${address}`.replaceAll(/[ /]/g, '-'), programPath(program));
    return client.run(['init', '-no-color'], { cwd: await client.project('signed', { 'main.tf': rootModule({ providers: { one: { source: `${proxy.host}/${address}` } } }) }) });
  }

  it.each([
    { kind: 'rsa', namespace: 'rsa' },
    { kind: 'ed25519-legacy', namespace: 'edwards' },
  ] as const)('takes a key of kind $kind, which every client reads', async ({ kind, namespace }) => {
    const key = await signingKey({ kind });
    expect((await proxy.addKey(namespace, key.publicKey)).status).toBe(201);
    const published = await proxy.publishProvider(`${namespace}/demo/1.0.0`, (await release('demo', key)).files);

    const results = await Promise.all(AVAILABLE.map(async (program) => init(program, `${namespace}/demo`)));

    expect(published.status, published.text).toBe(201);
    for (const result of results) {
      expect(result.code, result.output).toBe(0);
      expect(result.output).toContain(key.keyId);
    }
  });

  it('refuses a key that terraform cannot read, before anybody signs with it', async () => {
    const key = await signingKey({ kind: 'curve25519' });

    const answer = await proxy.addKey('modern', key.publicKey);

    expect([answer.status, answer.text]).toEqual([400, expect.stringMatching(/terraform/i)]);
  });

  it('signs what comes unsigned to a namespace that it has a key for, as clients read it', async () => {
    const published = await proxy.publishProvider('unsigned/demo/1.0.0', (await release('demo', null)).files);

    const results = await Promise.all(AVAILABLE.map(async (program) => init(program, 'unsigned/demo')));

    expect(published.status, published.text).toBe(201);
    for (const result of results) {
      expect(result.code, result.output).toBe(0);
      expect(result.output).toContain(own.keyId);
    }
  });

  it('goes on serving what a key has signed that has ended or was taken away since, and takes nothing new by it', async () => {
    const ends = Date.now() + 20_000;
    const [ended, removed] = [await signingKey({ created: new Date(ends - DAY_MS), expiresAfter: DAY_MS / 1000 }), await signingKey()];
    expect((await proxy.addKey('changing', ended.publicKey)).status).toBe(201);
    expect((await proxy.addKey('changing', removed.publicKey)).status).toBe(201);
    const first = await proxy.publishProvider('changing/ended/1.0.0', (await release('ended', ended)).files);
    const second = await proxy.publishProvider('changing/removed/1.0.0', (await release('removed', removed)).files);
    const gone = await proxy.call('DELETE', `keys/changing/${removed.keyId}`);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, ends + 2_000 - Date.now())));

    const late = await proxy.publishProvider('changing/removed/1.1.0', (await release('removed', removed, '1.1.0')).files);
    const results = await Promise.all(AVAILABLE.flatMap((program) => [init(program, 'changing/ended'), init(program, 'changing/removed')]));

    expect([first.status, second.status, gone.status, late.status], [first, second, gone, late].map(({ text }) => text).join('\n')).toEqual([201, 201, 200, 403]);
    for (const result of results) {
      expect(result.code, result.output).toBe(0);
    }
  });
});
