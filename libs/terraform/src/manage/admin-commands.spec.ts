import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { AdminCommand, AdminResult } from '@oci-package-proxy/platform';
import { type ProviderRelease, providerRelease, signingKey, startTerraformUpstream, temporaryDirectory, type TerraformUpstream, type TestKey } from '@oci-package-proxy/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { NamespaceKeys } from '../keys/namespace-keys.ts';
import { HOST, OURS, OWN, type SampleProviders, startSampleProviders } from '../read/sample-providers.contract.ts';
import { createSumsSigner } from '../signing/sums-signer.ts';
import { terraformCommands } from './admin-commands.ts';
import { createManagement } from './management.ts';

let key: TestKey;
let release: ProviderRelease;
let upstream: TerraformUpstream;
let sample: SampleProviders;
let directory: string;
let said: string[];

beforeAll(async () => {
  key = await signingKey();
  release = await providerRelease({ type: 'demo', version: '1.0.0', platforms: ['linux_amd64'], key });
  directory = await temporaryDirectory('terraform-commands');
});
afterAll(() => rm(directory, { recursive: true, force: true }));
beforeEach(async () => {
  said = [];
  upstream = await startTerraformUpstream({ links: 'relative' });
  upstream.put({ namespace: 'acme', type: 'demo', releases: [release] });
  sample = await startSampleProviders({ upstreamUrl: upstream.url });
  await sample.publish(OURS, release);
});
afterEach(async () => {
  await sample.close();
  await upstream.close();
});

function commands(more: readonly AdminCommand[] = []): AdminCommand[] {
  const { ledger, hosts, registries } = sample;
  return terraformCommands(createManagement({ ledger, hosts, registries, keys: new NamespaceKeys({ ledger, own: hosts.own }) }), more);
}

async function run(...[command, ...args]: readonly string[]): Promise<AdminResult> {
  const found = commands().find((known) => known.name === command);
  if (found === undefined) {
    throw new Error(`no command ${command}`);
  }
  return found.run(args, { by: 'operator', signal: new AbortController().signal, progress: (line) => said.push(line) });
}

async function keyFile(text: string): Promise<string> {
  const path = join(directory, 'key.asc');
  await writeFile(path, text);
  return path;
}

it('are these, and those of other parts', () => {
  const other: AdminCommand = { name: 'import', usage: '', summary: '', run: async () => Promise.resolve({ text: [], data: null }) };

  expect(commands([other]).map(({ name }) => name)).toEqual(['yank', 'unyank', 'delete', 'unblock', 'show', 'keys', 'add-key', 'remove-key', 'generate-key', 'import']);
});

describe('yank and unyank', () => {
  it.each([
    ['acme/demo', `${OWN}/acme/demo`],
    [`${OWN}/ACME/Demo`, `${OWN}/acme/demo`],
    [`${HOST}/acme/demo`, `${HOST}/acme/demo`],
  ])('work on the provider %s', async (address, name) => {
    const yanked = await run('yank', 'provider', address, '1.0.0', '--reason', 'broken --badly');
    const again = await run('yank', 'provider', address, '1.0.0', '--reason=broken --badly');
    const unyanked = await run('unyank', 'provider', address, '1.0.0');

    expect(yanked).toEqual({ text: [`${name} 1.0.0: yanked (broken --badly) now`], data: { name, version: '1.0.0', yanked: 'broken --badly', changed: true } });
    expect(again.text).toEqual([`${name} 1.0.0: yanked (broken --badly), as before`]);
    expect(unyanked.text).toEqual([`${name} 1.0.0: not yanked now`]);
  });
});

describe('delete and unblock', () => {
  it('delete a version, and say when it was gone', async () => {
    const name = `${OWN}/acme/demo`;

    expect(await run('delete', 'provider', 'acme/demo', '--version', '1.0.0')).toEqual({ text: [`deleted ${name} 1.0.0`], data: { name, removed: ['1.0.0'], blocked: null, warnings: [] } });
    expect((await run('delete', 'provider', 'acme/demo', '--all')).text).toEqual([`${name}: deleted before`]);
  });

  it('keep what is upstream\'s away, and let it come again', async () => {
    const [address, name] = [`${HOST}/acme/demo`, `${HOST}/acme/demo`];

    expect((await run('delete', 'provider', address, '--all')).text).toEqual([`deleted ${name} 1.0.0`, `${name}: nothing of it comes from upstream any more`]);
    expect((await run('unblock', 'provider', address, '--all')).text).toEqual([`${name}: not blocked now`]);
    expect((await run('delete', 'provider', address, '--version', '1.0.0')).text).toEqual([`deleted ${name} 1.0.0`]);
    expect((await run('unblock', 'provider', address, '--version', '1.0.0')).text).toEqual([`${name} 1.0.0: not blocked now`]);
    expect(await run('unblock', 'provider', address, '--version', '1.0.0')).toEqual({ text: [`${name} 1.0.0: not blocked, as before`], data: { name, version: '1.0.0', changed: false } });
  });
});

describe('show', () => {
  it('shows what was published, and its keys', async () => {
    await run('add-key', 'acme', await keyFile(key.publicKey));
    await run('yank', 'provider', 'acme/demo', '1.0.0', '--reason', 'old');

    const { text, data } = await run('show', 'provider', 'acme/demo');

    const [archive] = release.archives;
    expect(text).toEqual([
      `provider ${OWN}/acme/demo, published`,
      `  1.0.0  published, yanked (old), signed by ${key.keyId}`,
      `    linux_amd64  ${archive?.size} bytes  ${archive?.sha256}`,
      expect.stringMatching(new RegExp(`^  key ${key.keyId}  ${key.fingerprint}  added .* by operator$`)),
    ]);
    expect(data).toMatchObject({ kind: 'provider', origin: 'published', versions: [{ version: '1.0.0' }] });
  });

  it('shows what is at upstream, blocked and out of reach', async () => {
    const listed = await run('show', 'provider', `${HOST}/acme/demo`);
    await run('delete', 'provider', `${HOST}/acme/demo`, '--version', '1.0.0');
    upstream.mode = 'error';
    const blocked = await run('show', 'provider', `${HOST}/acme/demo`);

    expect(listed.text).toEqual([`provider ${HOST}/acme/demo, nothing stored`, `  1 more at ${HOST} that nobody asked for yet`]);
    expect(blocked.text).toEqual([`provider ${HOST}/acme/demo, nothing stored`, '  blocked: 1.0.0', expect.stringMatching(/^ {2}upstream: /)]);
  });
});

describe('keys', () => {
  it('are added from a file, listed and removed', async () => {
    const added = await run('add-key', 'Acme', await keyFile(key.publicKey), '--source', 'Acme Inc.', '--source-url', 'https://acme.example.com/');
    const again = await run('add-key', 'acme', await keyFile(key.publicKey));
    const listed = await run('keys', 'acme');
    const removed = await run('remove-key', 'acme', key.keyId);
    const none = await run('keys', 'acme');

    const line = new RegExp(`${key.keyId}  ${key.fingerprint}  Acme Inc\\., added .* by operator$`);
    expect(added).toEqual({ text: [expect.stringMatching(/^Acme: added /)], data: expect.objectContaining({ outcome: 'created', key_id: key.keyId, fingerprint: key.fingerprint, source_url: 'https://acme.example.com/' }) as unknown });
    expect([added, again, listed, removed].every(({ text }) => line.test(text[0] ?? ''))).toBe(true);
    expect(again.text[0]).toMatch(/^acme: there before: /);
    expect(listed.data).toMatchObject([{ key_id: key.keyId }]);
    expect(removed.text[0]).toMatch(/^acme: removed /);
    expect(none).toEqual({ text: ['acme: no keys'], data: [] });
  });

  it.each([
    ['a private key', async () => keyFile(key.privateKey), 'invalid'],
    ['a file that is too large', async () => keyFile('x'.repeat(257 * 1024)), 'too-large'],
    ['a file that is not there', async () => Promise.resolve(join(directory, 'none')), 'invalid'],
    ['a directory', async () => Promise.resolve(directory), 'invalid'],
  ])('are not added from %s', async (_what, path, code) => {
    await expect(run('add-key', 'acme', await path())).rejects.toMatchObject({ code });
    expect((await run('keys', 'acme')).data).toEqual([]);
  });

  it('are made: the private one for the owner alone, the public one on paper', async () => {
    const path = join(directory, 'new-key.asc');

    const { text, data } = await run('generate-key', path, '--name', 'Acme Releases', '--email', 'releases@acme.example.com');
    const before = await readFile(path, 'utf8');

    const signer = await createSumsSigner({ armoredPrivateKey: before, passphrase: null });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(data).toMatchObject({ file: path, key_id: signer.publicKey().keyId });
    expect(text.join('\n')).not.toContain('PRIVATE');
    expect(said).toEqual([expect.stringContaining(path)]);
    expect((await run('add-key', 'acme', await keyFile(`${text.join('\n')}\n`))).data).toMatchObject({ outcome: 'created', key_id: signer.publicKey().keyId });
    await expect(run('generate-key', path, '--name', 'x', '--email', 'x@example.com')).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining('there already') as string });
    expect(await readFile(path, 'utf8')).toBe(before);
    await expect(run('generate-key', join(directory, 'no', 'way'), '--name', 'x', '--email', 'x@example.com')).rejects.toMatchObject({ code: 'invalid' });
  });
});

it.each([
  [['yank']],
  [['yank', 'provider']],
  [['yank', 'provider', 'acme/demo']],
  [['yank', 'provider', 'acme/demo', '1.0.0', 'more']],
  [['yank', 'package', 'acme/demo', '1.0.0']],
  [['yank', 'provider', 'acme', '1.0.0']],
  [['yank', 'provider', 'a/b/c/d', '1.0.0']],
  [['yank', 'provider', 'a--b/demo', '1.0.0']],
  [['yank', 'provider', 'bad host/acme/demo', '1.0.0']],
  [['yank', 'module', 'acme/net', '1.0.0']],
  [['yank', 'module', 'acme/net/AWS', '1.0.0']],
  [['unyank', 'provider', 'acme/demo', '1.0.0', '--reason', 'x']],
  [['delete', 'provider', 'acme/demo']],
  [['delete', 'provider', 'acme/demo', '1.0.0']],
  [['delete', 'provider', 'acme/demo', '--all', '--version', '1.0.0']],
  [['unblock', 'provider', 'acme/demo']],
  [['show', 'provider']],
  [['keys']],
  [['keys', 'a--b']],
  [['add-key', 'acme']],
  [['remove-key', 'acme']],
  [['generate-key']],
  [['generate-key', '/dev/null/x']],
  [['generate-key', '/dev/null/x', '--name', 'x', '--email', 'none']],
  [['generate-key', '/dev/null/x', '--name', 'a<b', '--email', 'x@example.com']],
])('%j tells how it is used', async (args) => {
  await expect(run(...args)).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining(`Usage: ${args[0]} `) as string });
});

it.each([
  [['yank', 'provider', 'acme/demo', '9.9.9'], 'not-found'],
  [['yank', 'provider', 'acme/demo', 'one'], 'invalid'],
  [['yank', 'module', 'acme/net/aws', '1.0.0'], 'not-found'],
  [['show', 'module', `${HOST}/acme/none/aws`], 'not-found'],
  [['remove-key', 'acme', 'x'], 'not-found'],
])('%j fails', async (args, code) => {
  await expect(run(...args)).rejects.toMatchObject({ code });
});
