import { readdir, readlink, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

import { isProxyError } from '@oci-package-proxy/errors';
import { temporaryDirectory } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { distInfo, metadataOf, type SampleMember, type SampleTarMember, sdistOf, tarballOf, wheelOf, zipOf } from './sample-archive.contract.ts';
import { readSdistMetadata } from './sdist-metadata.ts';
import { checkWheel } from './wheel-check.ts';
import { readWheelMetadata } from './wheel-metadata.ts';

const DEMO = { name: 'demo', version: '1.0' };
const METADATA = metadataOf('demo', '1.0');
const INFO = distInfo('demo-1.0', METADATA);

let directory: string;
let count = 0;

beforeAll(async () => {
  directory = await temporaryDirectory('pypi-archive');
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function file(bytes: Buffer): Promise<string> {
  count += 1;
  const path = join(directory, `file-${count}`);
  await writeFile(path, bytes);
  return path;
}

async function failure(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  return isProxyError(error) ? `${error.code} ${error.message}` : `no proxy error: ${String(error)}`;
}

/** How many files of the directory this process has open. */
async function openFiles(): Promise<number> {
  const targets = await Promise.all((await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return targets.filter((target) => target.startsWith(directory)).length;
}

describe('readWheelMetadata', () => {
  it.each<[string, SampleMember[]]>([
    ['of the plain name', INFO],
    ['of another spelling of the name', distInfo('De.Mo-1.0', METADATA)],
    ['of another spelling of the version', distInfo('demo-1.0.0', METADATA)],
    ['of the only directory of the name', distInfo('demo-2.0', METADATA)],
    ['beside a vendored one', [...distInfo('other-1.0', metadataOf('other', '1.0')), ...INFO]],
    ['beside one of another version', [...distInfo('demo-0.9', metadataOf('demo', '0.9')), ...INFO]],
    ['at the end of many members', [...Array.from({ length: 3000 }, (_, index) => ({ name: `demo/${'m'.repeat(60)}${index}.py`, content: '' })), ...INFO]],
  ])('finds METADATA %s', async (_case, members) => {
    const project = members[0]?.name.startsWith('De.Mo') === true ? 'de-mo' : 'demo';
    const path = await file(zipOf(members));

    const bytes = await readWheelMetadata(path, { name: project, version: '1.0' });

    expect(bytes?.toString()).toBe(METADATA);
    expect(await openFiles()).toBe(0);
  });

  it('finds the one of a local version, however it is escaped', async () => {
    for (const folder of ['demo-1.0+cu12.8', 'demo-1.0+cu12_8', 'demo-1.0.0+CU12.8']) {
      const path = await file(zipOf(distInfo(folder, folder)));

      const bytes = await readWheelMetadata(path, { name: 'demo', version: '1.0+cu12.8' });

      expect(bytes?.toString()).toBe(folder);
    }
  });

  it.each<[string, SampleMember[]]>([
    ['no .dist-info', [{ name: 'demo.py', content: '' }]],
    ['only that of others', distInfo('other-1.0', METADATA)],
    ['no METADATA', [{ name: 'demo-1.0.dist-info/RECORD', content: '' }]],
    ['two that would do', [...distInfo('demo-1.0', METADATA), ...distInfo('Demo-1.0', METADATA)]],
    ['two METADATA', [...INFO, ...INFO]],
    ['METADATA deeper down', [{ name: 'x/demo-1.0.dist-info/METADATA', content: METADATA }]],
  ])('is null where there is %s', async (_case, members) => {
    expect(await readWheelMetadata(await file(zipOf(members)), DEMO)).toBeNull();
  });

  it('reads zip64 of more than 4 GiB', async () => {
    const path = await file(zipOf(INFO, { zip64: true }));
    expect((await readWheelMetadata(path, DEMO))?.toString()).toBe(METADATA);

    // A hole at the front, and the directory behind it.
    const far = 5 * 2 ** 30;
    const sparse = await file(Buffer.alloc(0));
    await truncate(sparse, far);
    await writeFile(sparse, shifted(zipOf(INFO, { zip64: true }), far), { flag: 'a' });

    expect((await readWheelMetadata(sparse, DEMO))?.toString()).toBe(METADATA);
  });

  it.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['a text', Buffer.from('<html>')],
    ['a gzip', gzipSync('x')],
    ['a zip without its end', wheelOf('demo', '1.0').subarray(0, -30)],
    ['a zip without its start', wheelOf('demo', '1.0').subarray(100)],
    ['a wrong checksum', zipOf([{ name: 'demo-1.0.dist-info/METADATA', content: METADATA, declared: { crc: 1 } }])],
    ['a wrong size', zipOf([{ name: 'demo-1.0.dist-info/METADATA', content: METADATA, deflate: true, declared: { size: 5 } }])],
    ['a size of 3 GB', zipOf([{ name: 'demo-1.0.dist-info/METADATA', content: METADATA, deflate: true, declared: { size: 3e9 } }])],
    ['a member past the end', zipOf([{ name: 'demo-1.0.dist-info/METADATA', content: METADATA, deflate: true, declared: { packedSize: 1e6 } }])],
    ['an encrypted member', zipOf([{ name: 'demo-1.0.dist-info/METADATA', content: METADATA, declared: { flags: 1, size: METADATA.length - 12 } }])],
    ['another method', zipOf([{ name: 'demo-1.0.dist-info/METADATA', content: METADATA, declared: { method: 14 } }])],
  ])('is invalid for %s', async (_case, bytes) => {
    expect(await failure(readWheelMetadata(await file(bytes), DEMO))).toMatch(/^invalid The file is not an archive/);
    expect(await openFiles()).toBe(0);
  });
});

/** A zip64 archive whose offsets are `far` further on. */
function shifted(zip: Buffer, far: number): Buffer {
  const moved = Buffer.from(zip);
  const add = (at: number): void => void moved.writeBigUInt64LE(moved.readBigUInt64LE(at) + BigInt(far), at);
  for (let at = moved.indexOf('PK\x01\x02'); at !== -1; at = moved.indexOf('PK\x01\x02', at + 1)) {
    add(at + 46 + moved.readUInt16LE(at + 28) + 20);
  }
  add(moved.indexOf('PK\x06\x06') + 48);
  add(moved.indexOf('PK\x06\x07') + 8);
  return moved;
}

describe('checkWheel', () => {
  it('gives METADATA of a wheel that is fine', async () => {
    const members = [{ name: 'demo/a.py', content: 'a' }, { name: 'demo/b.py', content: 'a.py', link: true }, ...INFO];

    const bytes = await checkWheel(await file(zipOf(members)), DEMO);

    expect(bytes.toString()).toBe(METADATA);
  });

  it.each<[string, SampleMember[], RegExp]>([
    ['no .dist-info', [{ name: 'demo.py', content: '' }], /^unprocessable .*has none/],
    ['one of another project', distInfo('other-1.0', METADATA), /^unprocessable .*it has other-1\.0\.dist-info/],
    ['two of them', [...INFO, ...distInfo('other-1.0', METADATA)], /^unprocessable .*demo-1\.0\.dist-info, other-1\.0\.dist-info/],
    ['no METADATA', INFO.slice(1), /^unprocessable .*has no METADATA in demo-1\.0\.dist-info/],
    ['no WHEEL and no RECORD', INFO.slice(0, 1), /^unprocessable .*has no WHEEL and no RECORD/],
    ['RECORD twice', [...INFO, ...INFO.slice(2)], /^invalid .*RECORD more than once/],
    ['a name that climbs out', [{ name: '../evil.py', content: '' }, ...INFO], /^invalid .*evil\.py/],
    ['a name that climbs out in the middle', [{ name: 'a/../../evil.py', content: '' }, ...INFO], /^invalid .*evil\.py/],
    ['a name that climbs out on Windows', [{ name: 'a\\..\\..\\evil.py', content: '' }, ...INFO], /^invalid .*evil\.py/],
    ['an absolute name', [{ name: '/etc/evil', content: '' }, ...INFO], /^invalid .*evil/],
    ['a drive', [{ name: 'C:/evil', content: '' }, ...INFO], /^invalid .*evil/],
    ['a link that leads out', [{ name: 'demo/a', content: '../../etc/passwd', link: true }, ...INFO], /^invalid .*link demo\/a leads out/],
    ['an absolute link', [{ name: 'demo/a', content: '/etc/passwd', link: true }, ...INFO], /^invalid .*link demo\/a leads out/],
    ['a bomb by its declaration', [{ name: 'demo/a', content: 'a', deflate: true, declared: { size: 1e9 } }, ...INFO], /^invalid .*more than 50 times/],
    ['a bomb in many members', [...Array.from({ length: 80 }, () => ({ name: 'a', content: 'a', deflate: true, declared: { size: 2 ** 20 } })), ...INFO], /^invalid .*more than 50 times/],
  ])('refuses %s', async (_case, members, expected) => {
    expect(await failure(checkWheel(await file(zipOf(members)), DEMO))).toMatch(expected);
    expect(await openFiles()).toBe(0);
  });

  it('takes what unpacks to a lot while it is small, or is not much more than its file', async () => {
    const members = [{ name: 'demo/a', content: 'a', deflate: true, declared: { size: 60 * 2 ** 20 } }, ...INFO];

    expect((await checkWheel(await file(zipOf(members)), DEMO)).toString()).toBe(METADATA);
  });

  it('stops when it is aborted', async () => {
    expect(await failure(checkWheel(await file(zipOf(INFO)), DEMO, AbortSignal.abort()))).toMatch(/^aborted/);
  });
});

describe('readSdistMetadata', () => {
  it('reads PKG-INFO of a tarball and of a zip', async () => {
    const zip = zipOf([{ name: 'demo-1.0/setup.py', content: '' }, { name: 'demo-1.0/PKG-INFO', content: METADATA, deflate: true }]);

    const bytes = [await readSdistMetadata(await file(await sdistOf('demo', '1.0')), DEMO), await readSdistMetadata(await file(zip), DEMO)];

    expect(bytes.map(String)).toEqual([METADATA, METADATA]);
    expect(await openFiles()).toBe(0);
  });

  it.each<[string, SampleTarMember[]]>([
    ['of the directory that is named as the file', [{ name: 'a/PKG-INFO', content: 'no' }, { name: 'demo-1.0/PKG-INFO', content: METADATA }, { name: 'b/PKG-INFO', content: 'no' }]],
    ['of another directory', [{ name: 'other/PKG-INFO', content: METADATA }, { name: 'b/PKG-INFO', content: 'no' }]],
    ['behind a dot', [{ name: './demo-1.0/PKG-INFO', content: METADATA }]],
    ['that is unpacked last', [{ name: 'demo-1.0/PKG-INFO', content: 'no' }, { name: 'demo-1.0/PKG-INFO', content: METADATA }]],
    ['not deeper down', [{ name: 'demo-1.0/demo.egg-info/PKG-INFO', content: 'no' }, { name: 'Demo-1.0.0/PKG-INFO', content: METADATA }]],
    ['beside links within', [{ name: 'demo-1.0/a/b', type: 'symlink', linkname: '../c' }, { name: 'demo-1.0/d', type: 'link', linkname: 'demo-1.0/c' }, { name: 'demo-1.0/PKG-INFO', content: METADATA }]],
    ['after a large member', [{ name: 'demo-1.0/big', content: Buffer.alloc(3 * 2 ** 20, 'x') }, { name: 'demo-1.0/PKG-INFO', content: METADATA }]],
  ])('takes the one %s', async (_case, members) => {
    expect((await readSdistMetadata(await file(await tarballOf(members)), DEMO))?.toString()).toBe(METADATA);
  });

  it('is null where there is none, and for what it cannot unpack', async () => {
    expect(await readSdistMetadata(await file(await tarballOf([{ name: 'demo-1.0/setup.py', content: '' }])), DEMO)).toBeNull();
    expect(await readSdistMetadata(await file(Buffer.from('BZh91AY&SY')), DEMO)).toBeNull();
  });

  it.each<[string, () => Promise<Buffer> | Buffer, RegExp]>([
    ['nothing', () => Buffer.alloc(0), /^invalid .*neither/],
    ['a text', () => Buffer.from('hello, world'), /^invalid .*neither/],
    ['a gzip of something else', () => gzipSync(Buffer.alloc(5000, 'x')), /^invalid /],
    ['a gzip of nothing', () => gzipSync(''), /^invalid .*no members/],
    ['a tarball that breaks off', async () => (await sdistOf('demo', '1.0')).subarray(0, -20), /^invalid /],
    ['a tar that breaks off', async () => gzipSync(gunzipSync(await sdistOf('demo', '1.0', { code: 'x'.repeat(5000) })).subarray(0, 4000)), /^invalid /],
    ['a tar with a damaged header', async () => gzipSync(gunzipSync(await sdistOf('demo', '1.0')).fill(1, 520, 530)), /^invalid /],
    ['a name that climbs out', () => tarballOf([{ name: '../evil', content: 'x' }]), /^invalid .*evil/],
    ['an absolute name', () => tarballOf([{ name: '/etc/evil', content: 'x' }]), /^invalid .*evil/],
    ['a name that climbs out on Windows', () => tarballOf([{ name: 'a\\..\\..\\evil', content: 'x' }]), /^invalid .*evil/],
    ['a link that leads out', () => tarballOf([{ name: 'demo-1.0/a', type: 'symlink', linkname: '../../x' }]), /^invalid .*leads out/],
    ['an absolute link', () => tarballOf([{ name: 'demo-1.0/a', type: 'symlink', linkname: '/etc/passwd' }]), /^invalid .*leads out/],
    ['a hard link that leads out', () => tarballOf([{ name: 'demo-1.0/a', type: 'link', linkname: '../x' }]), /^invalid .*leads out/],
    ['a pipe', () => tarballOf([{ name: 'demo-1.0/a', type: 'fifo' }]), /^invalid .*neither a file/],
    ['a device', () => tarballOf([{ name: 'demo-1.0/a', type: 'character-device' }]), /^invalid .*neither a file/],
    ['a bomb', () => tarballOf([{ name: 'demo-1.0/a', content: Buffer.alloc(65 * 2 ** 20) }]), /^invalid .*more than 50 times/],
    ['a PKG-INFO of 17 MiB', () => tarballOf([{ name: 'demo-1.0/PKG-INFO', content: Buffer.alloc(17 * 2 ** 20) }]), /^invalid .*larger than/],
    ['a zip that breaks off', () => zipOf([{ name: 'demo-1.0/PKG-INFO', content: METADATA }]).subarray(0, -5), /^invalid /],
    ['a zip whose name climbs out', () => zipOf([{ name: 'demo-1.0/../../evil', content: METADATA }]), /^invalid .*evil/],
    ['a zip whose link leads out', () => zipOf([{ name: 'demo-1.0/a', content: '../../x', link: true }]), /^invalid .*leads out/],
    ['a zip bomb', () => zipOf([{ name: 'demo-1.0/a', content: 'x', deflate: true, declared: { size: 1e9 } }]), /^invalid .*more than 50 times/],
  ])('is invalid for %s', async (_case, make, expected) => {
    expect(await failure(readSdistMetadata(await file(await make()), DEMO))).toMatch(expected);
    expect(await openFiles()).toBe(0);
  });

  it('stops when it is aborted', async () => {
    expect(await failure(readSdistMetadata(await file(await sdistOf('demo', '1.0')), DEMO, AbortSignal.abort()))).toMatch(/^aborted/);
    expect(await openFiles()).toBe(0);
  });
});
