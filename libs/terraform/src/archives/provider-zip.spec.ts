import { execFile } from 'node:child_process';
import { chmod, mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ZipFile } from 'yazl';

import { inspectProviderZip, zipHashes } from './provider-zip.ts';
import { LINK, PROGRAM, providerZipOf, type SampleMember, shifted, zipOf } from './sample-archive.contract.ts';
import { failureOf, SampleDirectory } from './sample-directory.contract.ts';
import { HASHED_SAMPLES } from './sample-hashes.contract.ts';

const LINUX = { type: 'demo', version: '1.0.0', platform: { os: 'linux', arch: 'amd64' } };
const WINDOWS = { ...LINUX, platform: { os: 'windows', arch: 'amd64' } };
const NAME = 'terraform-provider-demo_v1.0.0';
const PROGRAM_MEMBER: SampleMember = { name: NAME, content: '#!/bin/sh\n', mode: PROGRAM };

let directory: SampleDirectory;

beforeAll(async () => {
  directory = await SampleDirectory.create();
});
afterAll(() => directory.remove());

describe('zipHashes', () => {
  it.each(HASHED_SAMPLES)('says what Go says of a zip $what', async ({ members, h1, h1OfZip }) => {
    expect(await zipHashes(await directory.file(zipOf(members)))).toEqual({ h1, h1OfZip });
    expect(await zipHashes(await directory.file(zipOf(members, { zip64: true })))).toEqual({ h1, h1OfZip });
  });

  it('depends on nothing but names and contents', async () => {
    const members = fc.uniqueArray(fc.record({ name: fc.stringMatching(/^[a-zé😀]{1,5}$/u), content: fc.string() }), { selector: ({ name }) => name, minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(members, fc.boolean(), async (sample, stored) => {
        const one = await directory.file(zipOf(sample));
        const other = await directory.file(zipOf([...sample].reverse().map((member) => ({ ...member, stored, host: 0 }))));
        expect(await zipHashes(one)).toEqual(await zipHashes(other));
      }),
      { numRuns: 30 },
    );
  });

  it('reads a file beyond 4 GiB', async () => {
    const far = 5 * 2 ** 30;
    const zip = zipOf([PROGRAM_MEMBER], { zip64: true });
    const sparse = await directory.file(Buffer.alloc(0));
    await truncate(sparse, far);
    await writeFile(sparse, shifted(zip, far), { flag: 'a' });

    expect(await zipHashes(sparse)).toEqual(await zipHashes(await directory.file(zip)));
  });

  it.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['a text', Buffer.from('<html>')],
    ['a gzip', gzipSync('x')],
    ['a zip of nothing', zipOf([])],
    ['a zip without its end', zipOf([PROGRAM_MEMBER]).subarray(0, -20)],
    ['a zip without its start', zipOf([PROGRAM_MEMBER]).subarray(10)],
    ['a wrong checksum', zipOf([{ ...PROGRAM_MEMBER, declared: { crc: 1 } }])],
    ['a wrong checksum of what is stored', zipOf([{ ...PROGRAM_MEMBER, stored: true, declared: { crc: 1 } }])],
    ['less than it says', zipOf([{ ...PROGRAM_MEMBER, declared: { size: 1000 } }])],
    ['more than it says', zipOf([{ ...PROGRAM_MEMBER, content: Buffer.alloc(1_000_000), declared: { size: 1000 } }])],
    ['a member past the end', zipOf([{ ...PROGRAM_MEMBER, declared: { packedSize: 1e6 } }])],
    ['a member where there is none', zipOf([{ name: 'a' }, { ...PROGRAM_MEMBER, declared: { offset: 3 } }])],
    ['deflate that breaks off', zipOf([{ ...PROGRAM_MEMBER, declared: { packedSize: 3 } }])],
    ['what is not deflated', zipOf([{ ...PROGRAM_MEMBER, stored: true, declared: { method: 8 } }])],
    ['an encrypted member', zipOf([{ ...PROGRAM_MEMBER, declared: { flags: 1 } }])],
    ['a strongly encrypted member', zipOf([{ ...PROGRAM_MEMBER, declared: { flags: 0x41 } }])],
    ['another method', zipOf([{ ...PROGRAM_MEMBER, declared: { method: 14 } }])],
    ['a name of no bytes', zipOf([{ name: '' }])],
    ['a name of too many', zipOf([{ name: 'x'.repeat(5000) }])],
    ['a name with a line feed', zipOf([{ name: 'a\nb' }])],
    ['too many members', zipOf(Array.from({ length: 10_001 }, (_, index) => ({ name: `${index}` })))],
    ['a bomb by its declaration', zipOf([{ ...PROGRAM_MEMBER, declared: { size: 1e9 } }])],
    ['a bomb in many members', zipOf(Array.from({ length: 80 }, (_, index) => ({ name: `${index}`, content: 'a', declared: { size: 2 ** 20 } })))],
    ['a zip64 whose sizes are beyond all measure', shifted(zipOf([PROGRAM_MEMBER], { zip64: true }), 2 ** 52)],
  ])('refuses %s', async (_case, bytes) => {
    expect(await failureOf(zipHashes(await directory.file(bytes)))).toMatch(/^unprocessable The archive cannot be taken: /);
    expect(await directory.openFiles()).toBe(0);
  });

  it('refuses every zip that was cut, and fails in no other way of one that was changed', async () => {
    const zip = zipOf([PROGRAM_MEMBER, { name: 'README.md', content: 'read me'.repeat(50) }]);
    await fc.assert(
      fc.asyncProperty(fc.nat(zip.length - 1), fc.integer({ min: 1, max: 255 }), async (at, add) => {
        expect(await failureOf(zipHashes(await directory.file(zip.subarray(0, at))))).toMatch(/^unprocessable /);
        const changed = Buffer.from(zip);
        changed.writeUInt8((changed.readUInt8(at) + add) % 256, at);
        // Names, times and modes may be anything.
        const outcome = zipHashes(await directory.file(changed)).then(({ h1 }) => h1);
        expect(await outcome.catch(() => failureOf(outcome))).toMatch(/^(?:h1:|unprocessable )/);
      }),
      { numRuns: 200 },
    );
    expect(await directory.openFiles()).toBe(0);
  });

  it('stops when it is aborted', async () => {
    const path = await directory.file(zipOf([PROGRAM_MEMBER]));

    expect(await failureOf(zipHashes(path, AbortSignal.abort()))).toMatch(/^aborted /);
    const big = await directory.file(zipOf([{ name: 'big', content: Buffer.alloc(50_000_000) }]));
    expect(await failureOf(zipHashes(big, AbortSignal.timeout(5)))).toMatch(/^aborted /);
    expect(await directory.openFiles()).toBe(0);
  });

  it('says that it is the disk where it is the disk', async () => {
    expect(await failureOf(zipHashes(directory.fresh()))).toMatch(/^storage-unavailable /);
  });
});

describe('inspectProviderZip', () => {
  it('takes what release tools make, and makes its hashes', async () => {
    const { members, h1, h1OfZip } = HASHED_SAMPLES[0] ?? { members: [] };

    expect(await inspectProviderZip(await directory.file(zipOf(members)), LINUX)).toEqual({ h1, h1OfZip, warnings: [] });
    expect((await inspectProviderZip(await directory.file(providerZipOf('demo', '1.0.0')), LINUX)).warnings).toEqual([]);
  });

  it.each(['terraform-provider-demo', 'terraform-provider-demo_v1.0.0', 'terraform-provider-demo_v1.0.0_x5', 'terraform-provider-demo.exe'])('finds the program %s', async (name) => {
    const path = await directory.file(zipOf([{ name, content: 'x', mode: PROGRAM }]));

    expect((await inspectProviderZip(path, LINUX)).warnings).toEqual([]);
  });

  it('needs no mode for Windows, but an ending', async () => {
    const plain = await directory.file(zipOf([{ name: `${NAME}.exe`, content: 'x', host: 0 }]));
    const nameless = await directory.file(zipOf([{ name: NAME, content: 'x' }]));

    expect((await inspectProviderZip(plain, WINDOWS)).warnings).toEqual([]);
    expect((await inspectProviderZip(nameless, WINDOWS)).warnings).toEqual([expect.stringMatching(/does not end in \.exe/)]);
  });

  it.each<[string, SampleMember[], RegExp]>([
    ['a zip made on Windows', [{ name: NAME, content: 'x', host: 0 }], /made on Windows .* may not be able to start it/],
    ['two programs', [PROGRAM_MEMBER, { name: 'terraform-provider-demo_v0.9.0', mode: PROGRAM }], /start terraform-provider-demo_v0\.9\.0, the first by name of 2/],
    ['names that differ in case', [PROGRAM_MEMBER, { name: 'README' }, { name: 'readme' }], /README and readme are one file/],
  ])('warns of %s', async (_case, members, expected) => {
    const { warnings } = await inspectProviderZip(await directory.file(zipOf(members)), LINUX);

    expect(warnings).toEqual([expect.stringMatching(expected)]);
  });

  it.each<[string, SampleMember[], RegExp]>([
    ['a directory entry', [{ name: 'docs/', mode: 0o040755 }, PROGRAM_MEMBER], /entry for the directory docs\/.*zip -j/],
    ['a directory entry by its mode', [{ name: 'docs', mode: 0o040755 }, PROGRAM_MEMBER], /entry for the directory docs/],
    ['a file in a directory', [{ name: 'docs/a.md' }, PROGRAM_MEMBER], /docs\/a\.md is not at the top/],
    ['the program in a directory', [{ ...PROGRAM_MEMBER, name: `dist/${NAME}` }], /is not at the top/],
    ['a dot before a name', [{ ...PROGRAM_MEMBER, name: `./${NAME}` }], /is not at the top/],
    ['a name that climbs out', [{ name: '../evil' }, PROGRAM_MEMBER], /\.\.\/evil is not at the top/],
    ['a directory that climbs out', [{ name: '../' }, PROGRAM_MEMBER], /\.\.\/ is not at the top/],
    ['two dots', [{ name: '..' }, PROGRAM_MEMBER], /\.\. is not at the top/],
    ['an absolute name', [{ name: '/etc/evil' }, PROGRAM_MEMBER], /\/etc\/evil is not at the top/],
    ['a backslash', [{ name: '..\\evil' }, PROGRAM_MEMBER], /evil is not at the top/],
    ['a drive', [{ name: 'C:evil' }, PROGRAM_MEMBER], /C:evil is not at the top/],
    ['a NUL', [{ name: 'evil\0.txt' }, PROGRAM_MEMBER], /not plain UTF-8/],
    ['a name that is no UTF-8', [{ name: Buffer.from([0xff, 0xfe]) }, PROGRAM_MEMBER], /not plain UTF-8/],
    ['a name twice', [PROGRAM_MEMBER, PROGRAM_MEMBER], /holds terraform-provider-demo_v1\.0\.0 twice/],
    ['a symbolic link', [{ name: 'a', content: '/etc/passwd', mode: LINK }, PROGRAM_MEMBER], /a is a link or a special file/],
    ['a pipe', [{ name: 'a', mode: 0o010644 }, PROGRAM_MEMBER], /a is a link or a special file/],
    ['a password', [{ ...PROGRAM_MEMBER, declared: { flags: 1 } }], /is encrypted: make the zip .* without a password/],
    ['another method', [{ ...PROGRAM_MEMBER, declared: { method: 93 } }], /another method than deflate/],
    ['no program', [{ name: 'README.md' }], /no program that clients find: one must be called terraform-provider-demo_v<version>, and it holds README\.md/],
    ['the program of another', [{ ...PROGRAM_MEMBER, name: 'terraform-provider-demolition_v1.0.0' }], /no program that clients find/],
    ['a program that may not be executed', [{ name: NAME, content: 'x' }], /may not be executed \(its mode is 0644\).*chmod 755/],
    ['a file that clients would take for the program', [PROGRAM_MEMBER, { name: 'terraform-provider-demo.md' }], /terraform-provider-demo\.md may not be executed/],
    ['a damaged member', [PROGRAM_MEMBER, { name: 'LICENSE', content: 'x', declared: { crc: 5 } }], /LICENSE is damaged/],
  ])('refuses %s, and says what to do', async (_case, members, expected) => {
    const outcome = await failureOf(inspectProviderZip(await directory.file(zipOf(members)), LINUX));

    expect(outcome).toMatch(/^unprocessable terraform-provider-demo_1\.0\.0_linux_amd64\.zip cannot be taken: /);
    expect(outcome).toMatch(expected);
    expect(await directory.openFiles()).toBe(0);
  });

  it('takes what the zip command and yazl make', async () => {
    const folder = directory.fresh();
    await mkdir(folder);
    await writeFile(join(folder, NAME), '#!/bin/sh\n');
    await chmod(join(folder, NAME), 0o755);
    const byYazl = directory.fresh();
    await writeYazl(byYazl);

    expect((await inspectProviderZip(byYazl, LINUX)).warnings).toEqual([]);
    const byCommand = await zipCommand(folder);
    const found = byCommand === null ? await zipHashes(byYazl) : await inspectProviderZip(byCommand, LINUX);
    expect(found).toMatchObject(await zipHashes(byYazl));
  });
});

async function writeYazl(path: string): Promise<void> {
  const zip = new ZipFile();
  zip.addBuffer(Buffer.from('#!/bin/sh\n'), NAME, { mode: PROGRAM });
  zip.end();
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream) {
    chunks.push(Buffer.from(chunk as Buffer));
  }
  await writeFile(path, Buffer.concat(chunks));
}

/** Null where there is no such command. */
async function zipCommand(folder: string): Promise<string | null> {
  const path = `${directory.fresh()}.zip`;
  return promisify(execFile)('zip', ['-q', '-j', path, join(folder, NAME)]).then(
    () => path,
    () => null,
  );
}
