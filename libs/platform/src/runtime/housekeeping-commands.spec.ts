import { mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { bufferBlob, digestOf, LayoutRegistry } from '@oci-package-proxy/oci';
import { Ledger, MEDIA_TYPE_PREFIX } from '@oci-package-proxy/storage';
import { type RunningRegistry, startDockerRegistry, temporaryDirectory } from '@oci-package-proxy/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { loadConfig } from '../config/load-config.ts';
import { createLogger } from '../logging/logger.ts';
import type { AdminResult } from './admin-command.ts';
import { housekeepingCommands } from './housekeeping-commands.ts';
import { packagePlaces } from './package-places.ts';

const LOGGER = createLogger({ name: 'test', level: 'fatal' });
const LOCATOR = packagePlaces([{ name: 'shop' }]);
const DAY_MS = 24 * 60 * 60_000;

let directory: string;

beforeEach(async () => {
  directory = await temporaryDirectory('housekeeping');
  const registry = new LayoutRegistry({ directory: join(directory, 'oci') });
  const ledger = new Ledger({ registry });
  for (const name of ['left-pad', 'acme/tool']) {
    await ledger.publish({ ecosystem: 'shop', name, repository: `shop/${name}` }, {
      tag: '1.0.0', version: '1.0.0', at: '2026-01-02T03:04:05.000Z', payload: name,
      artifactType: `${MEDIA_TYPE_PREFIX}shop.v1`, document: '{}', documentMediaType: `${MEDIA_TYPE_PREFIX}shop.v1+json`,
      layers: [{ mediaType: 'application/gzip', source: bufferBlob(Buffer.from(`file of ${name}`)) }],
    }, { by: 'alice' });
  }
  await registry.close();
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function run(name: string, ...args: readonly string[]): Promise<AdminResult> {
  const config = await loadConfig({
    app: { name: 'admin', port: 0, metricsPort: 0, basePath: '/' },
    standalone: false,
    listens: false,
    admin: true,
    env: { STORAGE_URL: `layout:${join(directory, 'oci')}`, DATA_DIR: directory, DOCKER_CONFIG: directory },
  });
  const command = housekeepingCommands({ config, logger: LOGGER, locator: LOCATOR }).find((known) => known.name === name);
  return command?.run(args, { by: 'operator', signal: new AbortController().signal, progress: () => undefined }) ?? expect.fail(`no command ${name}`);
}

function blobPath(repository: string, content: string): string {
  return join(directory, 'oci', repository, 'blobs/sha256', digestOf(content).slice('sha256:'.length));
}

describe('verify', () => {
  it('says that nothing is wrong, for people and for programs', async () => {
    const { failed, text, data } = await run('verify');

    expect(failed).toBe(false);
    expect(text).toEqual([expect.stringMatching(/^3 repositories, 6 tags, .* 2 facts, 0 events/), 'nothing wrong']);
    expect(data).toMatchObject({ problemCount: 0, problems: [], tags: { fact: 2, origin: 2, catalogue: 2 } });
  });

  it.each([[[]], [['shop']], [['shop/left-pad']], [['shop', 'left-pad']], [['--quick']]])('says what is wrong, and fails: %j', async (args) => {
    await rm(blobPath('shop/left-pad', 'file of left-pad'));

    const { failed, text } = await run('verify', ...args);

    expect(failed).toBe(true);
    expect(text).toEqual([expect.stringMatching(/^shop\/left-pad:1\.0\.0 \(fact\) blob sha256:[0-9a-f]+ missing: /), expect.any(String), '1 problem']);
  });

  it.each([[[]], [['shop']], [['--quick']]])('names a package that is listed and of which nothing is there, and fails: %j', async (args) => {
    await rm(join(directory, 'oci/shop/left-pad'), { recursive: true });

    const { failed, text } = await run('verify', ...args);

    expect(failed).toBe(true);
    expect(text).toEqual([expect.stringMatching(/^shop\/left-pad \(catalogue\) empty: the catalogue lists it/), expect.any(String), '1 problem']);
  });

  it('takes names from a file, and looks nowhere else', async () => {
    await rm(blobPath('shop/left-pad', 'file of left-pad'));
    await writeFile(join(directory, 'names'), '# ours\n\nshop acme/tool\r\n');
    await writeFile(join(directory, 'short'), 'left-pad\n');

    expect((await run('verify', '--names', join(directory, 'names'))).failed).toBe(false);
    expect((await run('verify', 'shop', '--names', join(directory, 'short'))).failed).toBe(true);
    await expect(run('verify', '--names', join(directory, 'short'))).rejects.toThrow(/"left-pad" is not <ecosystem> <package>.*Usage: verify/);
  });

  it.each([
    [['a', 'b', 'c'], /"c" is too much/],
    [['shoop', 'left-pad'], /"shoop" is no ecosystem; there are shop, system/],
    [['shop', 'left-pad', '--names', '/nowhere'], /not both|no file/],
    [['--names', '/nowhere'], /there is no file/],
    [['--fast'], /Unknown option/],
    [['Shop/'], /not a repository name/],
  ])('refuses %j', async (args, message) => {
    await expect(run('verify', ...args)).rejects.toMatchObject({ code: 'invalid', message: expect.stringMatching(message) });
  });
});

it.each([
  ['verify', 'shop', 'right-pad'],
  ['verify', 'shop/right-pad'],
  ['reindex', 'shop', 'right-pad'],
  ['copy', 'layout:elsewhere', '--ecosystem', 'shop', '--package', 'right-pad'],
])('does not say that all is well with what is not there: %s %s %s', async (name, ...args) => {
  const given = args.map((word) => (word === 'layout:elsewhere' ? `layout:${join(directory, 'elsewhere')}` : word));

  await expect(run(name, ...given)).rejects.toMatchObject({ code: 'not-found', message: expect.stringMatching(/nothing of shop.right-pad/) });
});

it.each(['verify', 'reindex', 'copy'])('names those of a list of which there is nothing, and fails: %s', async (name) => {
  await writeFile(join(directory, 'names'), 'shop left-pad\nshop left-pat\nshop acme/tool\nshop left-pat\n');

  const { failed, text, data } = await run(name, ...(name === 'copy' ? [`layout:${join(directory, 'elsewhere')}`] : []), '--names', join(directory, 'names'));

  expect(failed).toBe(true);
  expect(text.filter((line) => line.startsWith('shop '))).toEqual(['shop left-pat: storage has nothing of it']);
  expect(text.at(-1)).not.toBe('nothing wrong');
  expect(data).toMatchObject({ absent: [{ ecosystem: 'shop', name: 'left-pat' }] });
});

it.each(['verify', 'copy'])('does not say that all is well with a store that is not there: %s', async (name) => {
  const nowhere = `layout:${join(directory, 'typing-error')}`;
  await rm(join(directory, 'oci'), { recursive: true });

  await expect(run(name, ...(name === 'copy' ? [`layout:${join(directory, 'carried')}`, '--from', nowhere] : []))).rejects.toMatchObject({ code: 'not-found', message: expect.stringMatching(/nothing at all/) });
});

it('reindex lists what no catalogue lists', async () => {
  await rm(join(directory, 'oci/catalog'), { recursive: true });

  const first = await run('reindex');
  const second = await run('reindex', 'shop', 'left-pad');

  expect(first).toMatchObject({ failed: false, text: ['2 packages, 0 snapshots written, 2 added to the catalogue'] });
  expect(second).toMatchObject({ failed: false, text: ['1 package, 0 snapshots written, 0 added to the catalogue'] });
});

describe('copy', () => {
  let running: RunningRegistry;

  beforeAll(async () => {
    running = await startDockerRegistry();
  });
  afterAll(() => running.stop());

  it('goes to a registry and from there to a directory, and does nothing the second time', async () => {
    const [registry, carried] = [`${running.url}/mirror`, `layout:${join(directory, 'carried')}`];

    const there = await run('copy', registry, '--exclusive');
    const again = await run('copy', registry);
    const back = await run('copy', carried, '--from', registry, '--ecosystem', 'shop', '--package', 'left-pad');

    expect(there).toMatchObject({ failed: false, text: [expect.stringMatching(/^2 repositories, 4 tags copied, 0 there already/), 'nothing wrong'] });
    expect(again).toMatchObject({ failed: false, data: { copied: 0, present: 4, bytes: 0 } });
    expect(back).toMatchObject({ failed: false, data: { repositories: 1, copied: 2 } });
    expect(await readdir(join(directory, 'carried/shop'))).toEqual(['left-pad']);
  });

  it('goes to and from a registry with flat names, when it is told which it is', async () => {
    const [registry, carried] = [`${running.url}/flat`, `layout:${join(directory, 'carried')}`];

    const there = await run('copy', registry, '--product', 'docker-hub');
    const unsaid = run('copy', carried, '--from', registry);
    await expect(unsaid).rejects.toMatchObject({ code: 'not-found' });
    const back = await run('copy', carried, '--from', registry, '--from-product', 'docker-hub');

    expect(there).toMatchObject({ failed: false, data: { repositories: 2 } });
    expect((await fetch(`${running.url}/v2/flat/shop-0-acme-0-tool/tags/list`)).status).toBe(200);
    expect(back).toMatchObject({ failed: false, data: { repositories: 2 } });
    expect((await readdir(join(directory, 'carried/shop'))).toSorted()).toEqual(['acme', 'left-pad']);
  });

  it('restores with --mend what the target has lost', async () => {
    const carried = `layout:${join(directory, 'carried')}`;
    await run('copy', carried);
    await rm(join(directory, 'carried/shop/left-pad/blobs/sha256', digestOf('file of left-pad').slice('sha256:'.length)));

    const passed = await run('copy', carried);
    const mended = await run('copy', carried, '--mend');

    expect(passed.data).toMatchObject({ present: 4, blobs: 0 });
    expect(mended).toMatchObject({ failed: false, data: { copied: 0, present: 4, blobs: 1 } });
  });

  it('copies the rest where a file cannot be read, fails, and completes once it can', async () => {
    const [path, carried] = [blobPath('shop/left-pad', 'file of left-pad'), `layout:${join(directory, 'carried')}`];
    await rm(path);
    // Read as a broken sector is: the name is there, and nothing comes.
    await mkdir(path);

    const { failed, text, data } = await run('copy', carried);
    await rm(path, { recursive: true });
    await writeFile(path, 'file of left-pad');

    expect(failed).toBe(true);
    expect(text[0]).toMatch(/^shop\/left-pad:1\.0\.0 failed: It cannot be read now in the store that is copied from/);
    expect(data).toMatchObject({ copied: 3, problemCount: 1 });
    expect(await run('copy', carried)).toMatchObject({ failed: false, data: { copied: 1, present: 3 } });
  });

  it('says what the source does not have, and fails', async () => {
    await rm(blobPath('shop/left-pad', 'file of left-pad'));

    const { failed, text } = await run('copy', `layout:${join(directory, 'carried')}`);

    expect(failed).toBe(true);
    expect(text[0]).toMatch(/^shop\/left-pad:1\.0\.0 failed: .* missing in the store that is copied from/);
  });

  it.each([
    [[], /missing/],
    [['layout:'], /must be layout:<directory>/],
    [['nonsense'], /must be layout:<directory>/],
    [['ftp://example.com/x'], /must be https/],
    [['https://user:secret@example.com/x'], /must not hold a user/],
    [['layout:elsewhere', '--package', 'x'], /--package needs --ecosystem/],
    [['layout:elsewhere', '--from-product', 'zot'], /--from-product needs --from/],
    [['https://registry.example.com/x', '--product', 'nexus'], /--product must be one of acr, /],
    [['layout:elsewhere', '--product', 'zot'], /directory is no product/],
    [['layout:elsewhere', '--from', 'layout:./elsewhere/'], /the same/],
    [['http://registry.example.com:80/x/', '--from', 'http://Registry.example.com/x'], /the same/],
    [['layout:elsewhere/there', '--from', 'layout:elsewhere'], /lies in the other/],
    [['layout:elsewhere', '--from', 'layout:elsewhere/there'], /lies in the other/],
  ])('refuses %j', async (args, message) => {
    const failure = await run('copy', ...args).catch((error: unknown) => error);

    expect(failure).toMatchObject({ code: 'invalid', message: expect.stringMatching(message) });
    expect(String(failure)).not.toContain('secret');
  });
});

describe('gc', () => {
  it('removes only what is old enough, and with --dry-run nothing', async () => {
    const garbage = blobPath('shop/left-pad', 'garbage');
    await writeFile(garbage, 'garbage');
    const then = new Date(Date.now() - DAY_MS - 60_000);
    await utimes(garbage, then, then);

    const young = await run('gc', '--grace', '2d');
    const dry = await run('gc', '--dry-run');
    const done = await run('gc');

    expect(young.data).toMatchObject({ removed: 0, young: 1 });
    expect(dry).toMatchObject({ failed: false, text: [expect.stringMatching(/^would remove 1 blob \(7 bytes\)/)], data: { dryRun: true, removed: 1, removedBytes: 7 } });
    expect(done.data).toMatchObject({ dryRun: false, removed: 1, removedBytes: 7 });
    expect((await run('gc')).data).toMatchObject({ removed: 0 });
  });

  it.each([['5s'], ['0h']])('refuses a grace period of %s', async (grace) => {
    await expect(run('gc', '--grace', grace)).rejects.toMatchObject({ code: 'invalid' });
  });

  it.each([['day'], ['1'], ['1w'], ['-1h']])('does not know what %s is', async (grace) => {
    await expect(run('gc', `--grace=${grace}`)).rejects.toThrow(/--grace must be a number with s, m, h or d.*Usage: gc/);
  });
});

it('places of the system\'s own records, and of what is no ecosystem', () => {
  expect(LOCATOR.refsOf('system', 'tokens').map(({ repository }) => repository)).toEqual(['system/tokens']);
  expect(LOCATOR.refsOf('system', 'shop/staged/x').map(({ repository }) => repository)).toEqual(['system/shop/staged/x', 'shop/staged/x']);
  expect(() => LOCATOR.refsOf('shoop', 'x')).toThrow(/no ecosystem/);
});
