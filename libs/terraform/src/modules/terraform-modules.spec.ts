import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import { moduleArchive, startTerraformUpstream, type TerraformUpstream } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type ModuleAddress, moduleRef } from '../model/address.ts';
import { blockKey, yankKey } from '../model/terraform-fact.ts';
import type { ServedFile } from '../read/read-port.ts';
import { FILES, NET, OWN, putNet, type SampleModules, type SampleOptions, startSampleModules } from './sample-modules.contract.ts';

const OURS: ModuleAddress = { host: OWN, namespace: 'Acme', name: 'net', system: 'aws' };
const SIGNAL = new AbortController().signal;

let upstream: TerraformUpstream;
let sample: SampleModules;
const samples: SampleModules[] = [];

beforeEach(async () => {
  upstream = await startTerraformUpstream();
  putNet(upstream);
  sample = await start();
});
afterEach(async () => {
  await Promise.all(samples.splice(0).map((one) => one.close()));
  await upstream.close();
});

async function start(options: Partial<SampleOptions> = {}): Promise<SampleModules> {
  const started = await startSampleModules({ upstream, ...options });
  samples.push(started);
  return started;
}

async function publish(version: string, files: Readonly<Record<string, string>> = FILES): Promise<void> {
  await sample.uploads.publish(OURS, version, { contentType: undefined, stream: Readable.from([moduleArchive({ files }).bytes]) }, { by: 'carol' });
}

async function versionsOf(address: ModuleAddress, fresh = false): Promise<readonly string[] | null> {
  return (await sample.modules.versions(address, { fresh }))?.versions.toSorted() ?? null;
}

async function fileOf(version = '1.0.0'): Promise<ServedFile | null> {
  const claim = await sample.modules.archive(NET, version);
  return claim === null ? null : sample.modules.file(claim);
}

function present<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) {
    throw new Error('there is no file');
  }
  return value;
}

async function addressesOf(host: string): Promise<readonly ModuleAddress[]> {
  const addresses: ModuleAddress[] = [];
  for await (const address of sample.modules.addresses(host)) {
    addresses.push(address);
  }
  return addresses;
}

/** Paths asked of upstream since the last call. */
let seen = 0;
function asked(): readonly string[] {
  const paths = upstream.requests.slice(seen);
  seen = upstream.requests.length;
  return paths;
}
beforeEach(() => {
  seen = 0;
});

describe('modules that are published here', () => {
  it('are listed, described and served', async () => {
    await publish('1.0.0');
    await publish('1.10.0-rc.1');
    await publish('1.9.0');

    const claim = await sample.modules.archive(OURS, '1.9.0');
    const file = claim === null ? null : await sample.modules.file(claim);
    const bytes = file === null ? null : await buffer(await file.open(undefined, SIGNAL));
    const part = file === null ? null : await buffer(await file.open({ start: 2, end: 5 }, SIGNAL));

    expect(await versionsOf(OURS)).toEqual(['1.0.0', '1.10.0-rc.1', '1.9.0']);
    expect(claim).toEqual({ kind: 'module-archive', package: `modules/${OWN}/Acme/net/aws`, version: '1.9.0', platform: null, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string, filename: 'Acme-net-aws-1.9.0.zip', subdirectory: null });
    expect(file).toMatchObject({ cache: 'hit', etag: `sha256:${claim?.sha256}`, size: bytes?.length, contentType: 'application/zip' });
    expect(createHash('sha256').update(bytes ?? '').digest('hex')).toBe(claim?.sha256);
    expect(part).toEqual(bytes?.subarray(2, 6));
    expect(await sample.modules.detail(OURS, null)).toMatchObject({ address: OURS, version: '1.9.0', document: { root: { readme: '# Network\n' } }, versions: ['1.10.0-rc.1', '1.9.0', '1.0.0'], publishedAt: expect.stringMatching(/^20/) as string });
    expect(await addressesOf(OWN)).toEqual([OURS]);
    expect(upstream.requests).toEqual([]);
  });

  it('are hidden when they are yanked, and gone when they are deleted', async () => {
    await publish('1.0.0');
    await publish('1.1.0');
    await publish('1.2.0');
    await sample.ledger.record(moduleRef(OURS), [{ key: yankKey('1.1.0'), value: 'broken' }], { by: 'carol' });
    await sample.ledger.delete(moduleRef(OURS), ['1.2.0'], { by: 'carol' });

    expect(await versionsOf(OURS)).toEqual(['1.0.0']);
    expect(await sample.modules.archive(OURS, '1.1.0')).toMatchObject({ version: '1.1.0' });
    expect(await sample.modules.detail(OURS, '1.1.0')).toMatchObject({ version: '1.1.0', versions: ['1.0.0'] });
    expect(await sample.modules.archive(OURS, '1.2.0')).toBeNull();
    expect(await sample.modules.detail(OURS, '1.2.0')).toBeNull();
    expect(await sample.bytes(OURS, '1.2.0')).toBeNull();
  });

  it('are never said not to be there from an old list', async () => {
    expect([await versionsOf(OURS), await sample.modules.archive(OURS, '1.0.0')]).toEqual([null, null]);
    const other = await start({ stored: sample.stored });
    expect(await other.modules.versions(OURS)).toBeNull();
    await publish('1.0.0');

    expect((await other.modules.versions(OURS))?.versions).toEqual(['1.0.0']);
    expect(await other.modules.archive(OURS, '1.0.0')).toMatchObject({ version: '1.0.0' });
  });

  it('cannot be had when storage has lost them, which is no "not found"', async () => {
    await publish('1.0.0');
    sample.stored.get(moduleRef(OURS).repository)?.blobs.clear();

    await expect(sample.bytes(OURS)).rejects.toMatchObject({ code: 'storage-unavailable', message: expect.stringContaining('backup') as string });
  });

  it.each(['v1', '', 'latest', '1.0.0/../x'])('have no version %j', async (version) => {
    await publish('1.0.0');

    expect(await sample.modules.archive(OURS, version)).toBeNull();
    expect(await sample.modules.detail(OURS, version)).toBeNull();
  });
});

describe('modules that are pulled through', () => {
  it('are served before they are stored, then stored as they were served, and then never asked for again', async () => {
    const claim = await sample.modules.archive(NET, '1.0.0');
    const file = await fileOf();
    const started = await file?.start();
    const first = await buffer(await present(started).open(undefined, SIGNAL));
    const outcomes = await sample.ingest();
    asked();
    const stored = await sample.modules.archive(NET, '1.0.0');
    const second = await sample.bytes(NET);

    expect(await versionsOf(NET)).toEqual(['1.0.0']);
    expect([claim?.sha256, file?.cache, file?.size, file?.etag.startsWith('unknown:')]).toEqual([null, 'miss', null, true]);
    expect(started).toMatchObject({ size: first.length, etag: `sha256:${createHash('sha256').update(first).digest('hex')}` });
    expect(outcomes).toEqual(['stored']);
    expect(second).toEqual(first);
    expect(stored?.sha256).toBe(createHash('sha256').update(first).digest('hex'));
    expect(asked().filter((path) => !path.includes('terraform.json') && !path.endsWith('/versions'))).toEqual([]);
    expect(await sample.ledger.fact(moduleRef(NET), '1.0.0')).toMatchObject({ origin: 'upstream', at: '1970-01-01T00:00:00.000Z', artifactType: 'application/vnd.opentofu.modulepkg' });
    expect(await sample.modules.detail(NET, '1.0.0')).toMatchObject({ publishedAt: '', document: { source: `git::${upstream.filesUrl}/acme/net?ref=v1.0.0`, root: { readme: '# Network\n' } } });
    expect(await addressesOf(NET.host)).toEqual([NET]);
  });

  it('are fetched once for all who want them at the same time, and handed in once', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, async () => sample.bytes(NET)));

    expect(new Set(all.map((bytes) => bytes?.toString('hex'))).size).toBe(1);
    expect(asked().filter((path) => path.startsWith('/acme/net/'))).toEqual(['/acme/net/archive/v1.0.0.tar.gz']);
    expect(asked().filter((path) => path.endsWith('/download'))).toHaveLength(0);
    expect(sample.jobs).toMatchObject([{ package: `modules/${NET.host}/acme/net/aws`, file: '1.0.0', holder: 'spec-holder' }]);
    expect(await sample.temporary()).toHaveLength(1);
  });

  it.each([
    ['a header', 'header'],
    ['a document', 'body'],
    ['both', 'both'],
  ] as const)('are found by %s', async (_how, answer) => {
    upstream.putModule({ ...NET, versions: [{ version: '1.0.0', at: { repository: 'acme/net', ref: 'v1.0.0' }, answer }] });

    expect((await sample.bytes(NET))?.subarray(0, 2).toString()).toBe('PK');
  });

  it.each([
    ['gitlab', '/acme/net/-/archive/v1.0.0/net-v1.0.0.tar.gz'],
    ['bitbucket', '/acme/net/get/v1.0.0.tar.gz'],
    ['github', '/acme/net/archive/v1.0.0.tar.gz'],
  ] as const)('come from a forge of the kind %s', async (forge, path) => {
    sample = await start({ forge });

    expect((await sample.bytes(NET))?.subarray(0, 2).toString()).toBe('PK');
    expect(asked()).toContain(path);
  });

  it('follow a forge to another host, which is told no credential', async () => {
    const forge = upstream.filesUrl.replace('//', '//bob:secret@');
    upstream.putModule({ ...NET, versions: [{ version: '1.0.0', at: { location: `git::${forge}/acme/net?ref=v1.0.0` } }] });
    upstream.fail(/^\/acme\/net\/archive/, { status: 302, headers: { location: `${upstream.url}/acme/net/tar.gz/v1.0.0` } });

    expect((await sample.bytes(NET))?.subarray(0, 2).toString()).toBe('PK');
    expect(upstream.log.filter(({ path }) => path.startsWith('/acme/')).map(({ host, headers }) => [host, headers.authorization])).toEqual([
      ['files', `Basic ${Buffer.from('bob:secret').toString('base64')}`],
      ['registry', undefined],
    ]);
    expect(await sample.ingest()).toEqual(['stored']);
    expect(JSON.stringify(await sample.modules.detail(NET, '1.0.0'))).not.toContain('secret');
  });

  it('do not follow a forge into the private network', async () => {
    const other = await startTerraformUpstream();
    other.putCommit('acme/net', 'v1.0.0', FILES);
    upstream.fail(/^\/acme\/net\//, { status: 302, headers: { location: `${other.filesUrl}/acme/net/tar.gz/v1.0.0` } });

    await expect(sample.bytes(NET)).rejects.toMatchObject({ code: 'policy' });
    expect(other.requests).toEqual([]);
    await other.close();
  });

  it('may be an archive of any web server, with a checksum, and lie deep in it', async () => {
    const archive = moduleArchive({ files: { 'deep/er/main.tf': '# 1', 'other.txt': '2' }, wrapper: 'wrapped', format: 'tar.gz' });
    upstream.putModule({ ...NET, versions: [{ version: '1.0.0', at: { archive } }, { version: '1.1.0', at: { location: `${upstream.filesUrl}/module-archives/acme/net/aws/1.0.0/x//*/deep/er?archive=tar.gz&checksum=sha256:${archive.sha256}` } }] });

    expect((await sample.bytes(NET, '1.1.0'))?.includes('main.tf')).toBe(true);
    expect(await sample.ingest()).toEqual(['stored']);
    expect(await sample.modules.detail(NET, '1.1.0')).toMatchObject({ document: { source: `${upstream.filesUrl}/module-archives/acme/net/aws/1.0.0/x//*/deep/er` } });
  });

  it('take relative addresses for what they are', async () => {
    upstream.putModule({ ...NET, versions: [{ version: '1.0.0', at: { archive: moduleArchive({ files: FILES }) } }, { version: '1.1.0', at: { location: '../../../../../../module-archives/acme/net/aws/1.0.0/module.zip' } }] });

    expect((await sample.bytes(NET, '1.1.0'))?.subarray(0, 2).toString()).toBe('PK');
  });

  it.each([
    ['a checksum of other bytes', { location: 'CHECKSUM' }, 'integrity', 'digest'],
    ['no ref', { location: 'git::FORGE/acme/net' }, 'unsupported', 'no tag or commit'],
    ['a host that is no forge', { location: 'git::https://code.example.org/acme/net?ref=v1' }, 'unsupported', 'ecosystems.terraform.forges'],
    ['s3', { location: 's3::https://s3.example.com/b/net.zip' }, 'unsupported', 's3::'],
    ['nothing', { location: '' }, 'upstream-unavailable', 'not where the module is'],
    ['a forge that has no such ref', { location: 'git::FORGE/acme/net?ref=v9' }, 'upstream-unavailable', 'credential'],
    ['a private address', { location: 'http://127.0.0.2:1/net.zip' }, 'policy', 'public internet'],
  ])('are refused with a text that helps where upstream says %s', async (_what, { location }, code, says) => {
    const archive = moduleArchive({ files: FILES });
    const at = location.replace('FORGE', upstream.filesUrl).replace('CHECKSUM', `${upstream.filesUrl}/module-archives/acme/net/aws/2.0.0/net.zip?checksum=sha256:${'0'.repeat(64)}`);
    upstream.putModule({ ...NET, versions: [{ version: '1.0.0', at: { location: at } }, { version: '2.0.0', at: { archive } }] });

    await expect(sample.bytes(NET)).rejects.toMatchObject({ code, message: expect.stringContaining(says) as string });
    expect(sample.jobs).toEqual([]);
    expect(await sample.temporary()).toEqual([]);
  });

  it.each([
    ['a path that leads out', { files: { ...FILES, '../../evil.tf': '' } }],
    ['a link that leads out', { files: FILES, links: { 'passwd.tf': '/etc/passwd' } }],
    ['no module', { files: { 'README.md': '' } }],
  ])('are refused where the archive has %s, and never stored', async (_what, options) => {
    upstream.putModule({ ...NET, versions: [{ version: '1.0.0', at: { archive: moduleArchive(options) } }] });

    await expect(sample.bytes(NET)).rejects.toMatchObject({ code: 'integrity' });
    await expect(sample.run({})).rejects.toMatchObject({ code: 'integrity' });
    expect(sample.jobs).toEqual([]);
    expect(sample.stored.get(moduleRef(NET).repository)?.blobs.size ?? 0).toBe(0);
    expect(await sample.temporary()).toEqual([]);
  });

  it.each(['html', 'wrong-bytes', 'truncated'] as const)('are fetched anew after the forge once gave %s', async (how) => {
    const heal = upstream.fail(/^\/acme\/net\//, how);
    await expect(sample.bytes(NET)).rejects.toMatchObject({ code: how === 'truncated' ? 'upstream-unavailable' : 'integrity' });
    expect(sample.jobs).toEqual([]);
    heal();

    expect((await sample.bytes(NET))?.subarray(0, 2).toString()).toBe('PK');
    expect(await sample.ingest()).toEqual(['stored']);
  });

  it('are kept apart by what upstream says, even where the file is in the spool', async () => {
    const first = await sample.bytes(NET);
    upstream.putCommit('acme/net', 'v1.0.1', { ...FILES, 'more.tf': '' });
    upstream.putModule({ ...NET, versions: [{ version: '1.0.0', at: { repository: 'acme/net', ref: 'v1.0.1' } }] });
    const claim = await sample.modules.archive(NET, '1.0.0', { fresh: true });
    const second = claim === null ? null : await (await sample.modules.file(claim))?.start();

    expect(second?.etag).not.toBe(`sha256:${createHash('sha256').update(first ?? '').digest('hex')}`);
  });

  it('are served for ever once stored, whatever upstream has then', async () => {
    const first = await sample.bytes(NET);
    await sample.ingest();
    upstream.putCommit('acme/net', 'v1.0.0', { 'main.tf': '# changed' });
    upstream.modules.clear();
    asked();
    const again = await start({ stored: sample.stored });

    expect(await again.bytes(NET)).toEqual(first);
    expect(asked()).toEqual([]);
    upstream.mode = 'error';
    expect(await again.bytes(NET)).toEqual(first);
    upstream.mode = 'drop';
    expect(await (await start({ stored: sample.stored, upstream: null })).bytes(NET)).toEqual(first);
  });

  it('are fetched again when storage has lost them, if they are the same', async () => {
    const first = await sample.bytes(NET);
    await sample.ingest();
    sample.stored.get(moduleRef(NET).repository)?.blobs.clear();
    const again = await start({ stored: sample.stored });
    const claim = await again.modules.archive(NET, '1.0.0');
    const file = claim === null ? null : await again.modules.file(claim);

    expect(await buffer(await present(file).open({ start: 1, end: 4 }, SIGNAL))).toEqual(first?.subarray(1, 5));
    expect(await again.ingest()).toEqual(['present']);
    expect(await (await start({ stored: sample.stored, upstream: null })).bytes(NET)).toEqual(first);
  });

  it('do not come with other bytes when storage has lost them', async () => {
    await sample.bytes(NET);
    await sample.ingest();
    sample.stored.get(moduleRef(NET).repository)?.blobs.clear();
    upstream.putCommit('acme/net', 'v1.0.0', { 'main.tf': '# changed' });

    await expect((await start({ stored: sample.stored })).bytes(NET)).rejects.toMatchObject({ code: 'storage-unavailable', message: expect.stringContaining('not the same') as string });
  });

  it('are made again when their temporary file is gone', async () => {
    const file = await (await fileOf())?.start();
    await Promise.all((await sample.temporary()).map(async (path) => rm(path)));

    expect((await buffer(await present(file).open(undefined, SIGNAL))).subarray(0, 2).toString()).toBe('PK');
  });

  it('are served although the queue is gone', async () => {
    sample = await start({ queueFails: true });

    expect((await sample.bytes(NET))?.subarray(0, 2).toString()).toBe('PK');
    expect(sample.log).toMatchObject([{ level: 'warn', fields: { file: '1.0.0' } }]);
  });

  it('stop for whoever leaves, and go on for the others', async () => {
    upstream.fail(/^\/acme\/net\//, 'slow', 1);
    const controller = new AbortController();
    const file = await fileOf();
    const leaving = file?.start(controller.signal);
    setTimeout(() => controller.abort(), 10);
    const staying = sample.bytes(NET);

    await expect(leaving).rejects.toMatchObject({ code: 'aborted' });
    expect((await staying)?.subarray(0, 2).toString()).toBe('PK');
  });
});

describe('the list of what is pulled through', () => {
  it('has what clients can read of it', async () => {
    upstream.putModule({ ...NET, versions: ['v1.0.0', '1.1', 'latest', '1.0.0', '2.0.0-rc.1'].map((version) => ({ version, at: { repository: 'acme/net', ref: 'v1.0.0' } })) });

    expect(await versionsOf(NET)).toEqual(['1.0.0', '1.1.0', '2.0.0-rc.1']);
    expect(await sample.modules.detail(NET, null)).toMatchObject({ version: '1.1.0', document: null, publishedAt: '' });
  });

  it('is cached, but a version that is not in it is asked for at once', async () => {
    sample = await start({ ttlMs: 60_000 });
    await versionsOf(NET);
    putNet(upstream, FILES, '1.1.0');

    expect(await versionsOf(NET)).toEqual(['1.0.0']);
    expect(await sample.modules.archive(NET, '1.1.0')).toMatchObject({ version: '1.1.0' });
    expect(await versionsOf(NET, true)).toEqual(['1.0.0', '1.1.0']);
  });

  it.each(['error', 'drop'] as const)('is the last one, then what is held, and never a 404, while upstream fails: %s', async (mode) => {
    putNet(upstream, FILES, '1.1.0');
    await sample.bytes(NET);
    await sample.ingest();
    await versionsOf(NET);
    upstream.mode = mode;
    const restarted = await start({ stored: sample.stored });
    const empty = await start();

    expect(await versionsOf(NET)).toEqual(['1.0.0', '1.1.0']);
    expect((await restarted.modules.versions(NET))?.versions).toEqual(['1.0.0']);
    await expect(restarted.modules.archive(NET, '1.1.0')).rejects.toMatchObject({ code: 'upstream-unavailable' });
    await expect(empty.modules.versions(NET)).rejects.toMatchObject({ code: 'upstream-unavailable' });
    await expect(empty.modules.archive(NET, '1.0.0')).rejects.toMatchObject({ code: 'upstream-unavailable' });
  });

  it('is what is held while upstream hangs, before clients give up', async () => {
    await sample.bytes(NET);
    await sample.ingest();
    const restarted = await start({ stored: sample.stored });
    const other = await start();
    await other.modules.archive(NET, '1.0.0');
    upstream.mode = 'hang';
    const begin = performance.now();

    const [versions, known, unknown] = await Promise.allSettled([restarted.modules.versions(NET), other.modules.archive(NET, '1.0.0', { fresh: true }), restarted.modules.archive(NET, '1.1.0')]);

    expect(performance.now() - begin).toBeLessThan(8_000);
    expect(versions).toMatchObject({ value: { versions: ['1.0.0'] } });
    expect(known).toMatchObject({ value: { version: '1.0.0' } });
    expect(unknown).toMatchObject({ reason: { code: 'upstream-unavailable' } });
  });

  it.each([
    ['discovery', /terraform\.json/, 'html'],
    ['discovery', /terraform\.json/, { status: 404 }],
    ['the list', /versions$/, 'html'],
    ['the list', /versions$/, { status: 500 }],
    ['the list', /versions$/, { status: 429 }],
    ['the list', /versions$/, { status: 401 }],
    ['the list', /versions$/, { status: 200, headers: { 'content-type': 'application/json' }, body: '{"modules":[]}' }],
  ] as const)('is what is held where %s fails (%s)', async (_what, path, how) => {
    await sample.bytes(NET);
    await sample.ingest();
    upstream.fail(path, how);
    const restarted = await start({ stored: sample.stored });

    expect((await restarted.modules.versions(NET))?.versions).toEqual(['1.0.0']);
    await expect((await start()).modules.versions(NET)).rejects.toMatchObject({ code: expect.stringMatching(/^(?:upstream-|rate-)/) as string });
  });

  it.each([
    ['html', 'html', 'upstream-unavailable'],
    ['500', { status: 500 }, 'upstream-unavailable'],
    ['403', { status: 403 }, 'upstream-denied'],
    ['429', { status: 429 }, 'rate-limited'],
    ['no address', { status: 204 }, 'upstream-unavailable'],
    ['too much', { status: 200, body: JSON.stringify({ location: 'x'.repeat(300_000) }) }, 'upstream-unavailable'],
    ['a connection that ends', 'drop', 'upstream-unavailable'],
  ] as const)('does not help where the address is answered with %s', async (_what, how, code) => {
    const heal = upstream.fail(/download$/, how);

    await expect(sample.modules.archive(NET, '1.0.0')).rejects.toMatchObject({ code });
    heal();
    expect(await sample.modules.archive(NET, '1.0.0')).toMatchObject({ version: '1.0.0' });
    upstream.fail(/download$/, how);
    expect(await sample.modules.archive(NET, '1.0.0', { fresh: true })).toMatchObject({ version: '1.0.0' });
  });

  it('forgets what upstream has no more, but for whoever names it exactly', async () => {
    await sample.bytes(NET);
    await sample.ingest();
    putNet(upstream, FILES, '1.1.0');
    upstream.putModule({ ...NET, versions: [{ version: '1.1.0', at: { repository: 'acme/net', ref: 'v1.1.0' } }] });

    expect(await versionsOf(NET)).toEqual(['1.1.0']);
    expect(await sample.modules.archive(NET, '1.0.0')).toMatchObject({ sha256: expect.any(String) as string });
    await expect.poll(() => sample.jobs).toMatchObject([{ file: '1.0.0' }]);
    expect(await sample.ingest()).toEqual(['present']);
    upstream.mode = 'error';
    expect((await (await start({ stored: sample.stored })).modules.versions(NET))?.versions).toEqual([]);
  });

  it('is none where upstream has none', async () => {
    upstream.modules.clear();

    expect(await versionsOf(NET)).toBeNull();
    expect(await sample.modules.archive(NET, '1.0.0')).toBeNull();
    expect(await sample.modules.detail(NET, null)).toBeNull();
    expect(await sample.bytes(NET)).toBeNull();
  });

  it('does without what an operator took out or yanked', async () => {
    for (const version of ['1.1.0', '1.2.0', '1.3.0']) {
      putNet(upstream, FILES, version);
    }
    await sample.bytes(NET, '1.3.0');
    await sample.ingest();
    await sample.ledger.record(moduleRef(NET), [{ key: blockKey('1.1.0'), value: 'evil' }, { key: yankKey('1.2.0'), value: '' }], { by: 'carol' });
    await sample.ledger.delete(moduleRef(NET), ['1.3.0'], { by: 'carol' });

    expect(await versionsOf(NET)).toEqual(['1.0.0']);
    expect(await sample.modules.archive(NET, '1.1.0')).toBeNull();
    expect(await sample.modules.archive(NET, '1.2.0')).toMatchObject({ version: '1.2.0' });
    expect(await sample.modules.archive(NET, '1.3.0')).toBeNull();
    expect(await sample.bytes(NET, '1.3.0')).toBeNull();
  });

  it('is told to nobody for what is private, and not asked for hosts that are not pulled through', async () => {
    sample = await start({ privateNames: [`modules/${NET.host}/acme/**`] });

    expect(await versionsOf(NET)).toBeNull();
    expect(await sample.modules.archive(NET, '1.0.0')).toBeNull();
    expect(await sample.modules.detail(NET, '1.0.0')).toBeNull();
    expect(await versionsOf({ ...NET, host: 'other.example.com' })).toBeNull();
    expect(upstream.requests).toEqual([]);
  });

  it.each([
    ['of a provider', { kind: 'provider-archive' }],
    ['of no module', { package: 'modules/x' }],
    ['of a version that there is not', { version: '9.9.9' }],
  ] as const)('leads to no file by a link %s', async (_what, change) => {
    const claim = { kind: 'module-archive', package: moduleRef(NET).name, version: '1.0.0', platform: null, sha256: null, ...change } as const;

    expect(await sample.modules.file(claim)).toBeNull();
  });
});
