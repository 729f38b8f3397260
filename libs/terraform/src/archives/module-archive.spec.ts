import { readFile, stat } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromBufferPromise } from 'yauzl';

import { MODULE_LIMITS } from './archive-limits.ts';
import { normalizeModule, type NormalizedModule, type NormalizeModule } from './module-archive.ts';
import { zipHashes } from './provider-zip.ts';
import { LINK, type SampleMember, type SampleTarMember, tarballOf, tarOf, zipOf } from './sample-archive.contract.ts';
import { failureOf, SampleDirectory } from './sample-directory.contract.ts';

const PLAIN = { limits: MODULE_LIMITS, wrapped: false, subdirectory: null } as const;
const WRAPPED = { ...PLAIN, wrapped: true } as const;
const MAIN = { name: 'main.tf', content: 'variable "a" {}\n' };

let directory: SampleDirectory;

beforeAll(async () => {
  directory = await SampleDirectory.create();
});
afterAll(() => directory.remove());

async function normalized(bytes: Buffer, how: Partial<NormalizeModule> = PLAIN): Promise<NormalizedModule> {
  return normalizeModule(await directory.file(bytes), { ...PLAIN, target: directory.fresh(), ...how });
}

async function refusal(bytes: Buffer, how: Partial<NormalizeModule> = PLAIN): Promise<string> {
  const before = (await directory.names()).length;
  const outcome = await failureOf(normalized(bytes, how));
  // The archive itself, and nothing else.
  expect((await directory.names()).length).toBe(before + 1);
  expect(await directory.openFiles()).toBe(0);
  return outcome;
}

interface Written {
  readonly name: string;
  readonly mode: number;
  readonly extra: number;
  readonly date: number;
  readonly time: number;
}

async function writtenIn({ path }: NormalizedModule): Promise<Written[]> {
  const entries: Written[] = [];
  for await (const entry of (await fromBufferPromise(await readFile(path), {})).eachEntry()) {
    entries.push({ name: entry.fileName, mode: entry.externalFileAttributes >>> 16, extra: entry.extraFieldLength, date: entry.lastModFileDate, time: entry.lastModFileTime });
  }
  return entries;
}

async function namesIn(module: NormalizedModule): Promise<string[]> {
  return (await writtenIn(module)).map(({ name }) => name);
}

/** A tree of files as both formats hold it. */
function sampleTree(): fc.Arbitrary<{ readonly name: string; readonly content: Buffer; readonly executable: boolean }[]> {
  const part = fc.constantFrom('a', 'b', 'modules', 'x.tf', 'é', '\u{1F600}', 'Z', 'a-b', '~');
  const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
  const content = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.nat(200_000).map((size) => new Uint8Array(size).map((_, index) => index % 251)));
  const file = fc.record({ name, content: content.map((bytes) => Buffer.from(bytes)), executable: fc.boolean() });
  return fc.uniqueArray(file, { selector: ({ name: path }) => path, maxLength: 12 }).map((files) => [
    { name: 'main.tf', content: Buffer.from('# main\n'), executable: false },
    // What is a file cannot be a directory as well.
    ...files.filter((one) => !files.some((other) => other.name.startsWith(`${one.name}/`))),
  ]);
}

describe('normalizeModule', () => {
  it('keeps files alone, sorted by bytes, with one date and two modes', async () => {
    const zip = zipOf([
      { name: 'scripts/', mode: 0o040755 },
      { name: 'scripts/run.sh', content: 'x', mode: 0o100700 },
      { name: 'é.tf', content: '' },
      { name: 'Z.md', content: 'z', mode: 0o100600 },
      { name: 'empty/', mode: 0o040755 },
      { name: './main.tf', content: 'variable "a" {}\n' },
    ]);

    const module = await normalized(zip);

    expect(await writtenIn(module)).toEqual([
      { name: 'Z.md', mode: 0o100644, extra: 0, date: 0x21, time: 0 },
      { name: 'main.tf', mode: 0o100644, extra: 0, date: 0x21, time: 0 },
      { name: 'scripts/run.sh', mode: 0o100755, extra: 0, date: 0x21, time: 0 },
      { name: 'é.tf', mode: 0o100644, extra: 0, date: 0x21, time: 0 },
    ]);
    expect(module).toMatchObject({ size: (await stat(module.path)).size, warnings: [], submodules: [] });
    expect(module.root.inputs.map(({ name }) => name)).toEqual(['a']);
    expect(await zipHashes(module.path)).toEqual({ h1: module.h1, h1OfZip: module.h1 });
    expect(await directory.openFiles()).toBe(0);
  });

  it('makes the same bytes of the same files, however they were packed', async () => {
    await fc.assert(
      fc.asyncProperty(sampleTree(), fc.nat(9), fc.date({ min: new Date(0), max: new Date(2e12), noInvalidDate: true }), async (files, level, mtime) => {
        const inZip = files.map(({ name, content, executable }): SampleMember => ({ name, content, mode: executable ? 0o100775 : 0o100664, stored: level === 0 }));
        const inTar = [...files].reverse().map(({ name, content, executable }): SampleTarMember => ({ name: `./${name}`, content, mode: executable ? 0o711 : 0o600, mtime }));
        const wrapped = inTar.map((member) => ({ ...member, name: member.name.replace('.', 'wrapper-0123') }));

        const modules = [
          await normalized(zipOf(inZip)),
          await normalized(zipOf([...inZip].reverse(), { zip64: true })),
          await normalized(await tarballOf(inTar, level)),
          await normalized(await tarballOf([{ name: 'wrapper-0123/', type: 'directory' }, ...wrapped], level), WRAPPED),
        ];

        expect(new Set(modules.map(({ sha256, h1, size }) => `${sha256} ${h1} ${size}`)).size).toBe(1);
        const [first, ...others] = await Promise.all(modules.map(({ path }) => readFile(path)));
        expect(others.every((bytes) => first?.equals(bytes))).toBe(true);
        expect(await zipHashes(modules[0]?.path ?? '')).toMatchObject({ h1: modules[0]?.h1 });
      }),
      { numRuns: 25 },
    );
  }, 120_000);

  it('makes of its own archive the same again', async () => {
    const once = await normalized(await tarballOf([MAIN, { name: 'modules/x/main.tf', content: '' }]));

    const twice = await normalized(await readFile(once.path));

    expect(twice).toEqual({ ...once, path: twice.path });
  });

  it('makes another identity of other contents or names', async () => {
    const first = await normalized(await tarballOf([MAIN]));

    expect((await normalized(await tarballOf([{ ...MAIN, content: '\n' }]))).h1).not.toBe(first.h1);
    expect((await normalized(await tarballOf([{ ...MAIN, name: 'other.tf' }]))).h1).not.toBe(first.h1);
    expect((await normalized(await tarballOf([MAIN, { name: 'a', content: '' }]))).h1).not.toBe(first.h1);
  });

  it('drops what tools leave behind, links and all, and keeps lock files', async () => {
    const dropped: SampleTarMember[] = [
      { name: '.git/config', content: 'x' },
      { name: 'modules/x/.git', content: 'gitdir: elsewhere' },
      { name: '.terraform/providers/p', type: 'symlink', linkname: '/home/somebody/.terraform.d/p' },
      { name: '.terraform/a', type: 'link', linkname: 'main.tf' },
      { name: '__MACOSX/._main.tf', content: 'x' },
      { name: '._main.tf', content: 'x' },
      { name: 'docs/.DS_Store', content: 'x' },
    ];
    const kept = [MAIN, { name: '.terraform.lock.hcl', content: 'x' }, { name: '.gitignore', content: 'x' }, { name: '.github/a.yml', content: 'x' }];

    const module = await normalized(await tarballOf([...dropped, ...kept]));

    expect(await namesIn(module)).toEqual(['.github/a.yml', '.gitignore', '.terraform.lock.hcl', 'main.tf']);
    expect(module.h1).toBe((await normalized(await tarballOf(kept))).h1);
  });

  it('puts what links lead to in their place', async () => {
    const members: SampleTarMember[] = [
      { ...MAIN, mode: 0o644 },
      { name: 'shared/versions.tf', content: 'terraform {}\n' },
      { name: 'shared/run.sh', content: 'x', mode: 0o755 },
      { name: 'versions.tf', type: 'symlink', linkname: './shared/versions.tf' },
      { name: 'modules/a/shared', type: 'symlink', linkname: '../../shared/' },
      { name: 'modules/a/main.tf', type: 'symlink', linkname: 'shared/../modules/a/second' },
      { name: 'modules/a/second', type: 'symlink', linkname: '../../main.tf' },
    ];
    const asZip = members.map(({ name, content, type, linkname, mode }): SampleMember => (type === 'symlink' ? { name, content: linkname ?? '', mode: LINK } : { name, content: content ?? '', mode: 0o100000 | (mode ?? 0o644) }));

    const module = await normalized(await tarballOf(members));

    expect(await refusal(await tarballOf(members.slice(0, 5).concat({ name: 'modules/a/main.tf', type: 'symlink', linkname: '../../../main.tf' })))).toMatch(/leads out/);
    expect(await namesIn(module)).toEqual(['main.tf', 'modules/a/main.tf', 'modules/a/second', 'modules/a/shared/run.sh', 'modules/a/shared/versions.tf', 'shared/run.sh', 'shared/versions.tf', 'versions.tf']);
    expect((await writtenIn(module)).filter(({ mode }) => mode === 0o100755).map(({ name }) => name)).toEqual(['modules/a/shared/run.sh', 'shared/run.sh']);
    expect((await normalized(zipOf(asZip))).sha256).toBe(module.sha256);
  });

  it.each<[string, string, RegExp]>([
    ['up and out', '../outside', /the link bad \(to \.\.\/outside\) leads out of the archive: put the file itself in its place/],
    ['out by way of the inside', 'docs/../../outside', /leads out of the archive/],
    ['to an absolute path', '/etc/passwd', /leads out of the archive/],
    ['to a drive', 'C:/x', /leads out of the archive/],
    ['to a path of Windows', '..\\x', /leads out of the archive/],
    ['to nothing', 'nowhere.tf', /leads to nothing/],
    ['to nothing below a file', 'main.tf/x', /leads to nothing/],
    ['to itself', 'bad', /leads in a circle/],
    ['to the directory that it is in', '.', /leads in a circle/],
  ])('refuses a link that leads %s, and forgives it a git server', async (_case, linkname, expected) => {
    const members: SampleTarMember[] = [MAIN, { name: 'docs/x', content: '' }, { name: 'bad', type: 'symlink', linkname }];

    expect(await refusal(await tarballOf(members))).toMatch(expected);
    expect(await refusal(zipOf(members.map(({ name, content }) => (name === 'bad' ? { name, content: linkname, mode: LINK } : { name, content: content ?? '' }))))).toMatch(expected);
    const module = await normalized(await tarballOf(members.map((member) => ({ ...member, name: `w/${member.name}` }))), WRAPPED);
    expect(await namesIn(module)).toEqual(['docs/x', 'main.tf']);
    expect(module.warnings).toEqual([expect.stringMatching(/^Left out: the link bad .* leads /)]);
  });

  it('does not grow without end by links to directories', async () => {
    const layers = Array.from({ length: 40 }, (_, index): SampleTarMember[] => [
      { name: `d${index}/a`, type: 'symlink', linkname: `../d${index + 1}` },
      { name: `d${index}/b`, type: 'symlink', linkname: `../d${index + 1}` },
    ]).flat();
    const circle: SampleTarMember[] = [
      { name: 'p/to', type: 'symlink', linkname: '../q' },
      { name: 'q/to', type: 'symlink', linkname: '../p' },
    ];
    const far = `${'./d/../'.repeat(500)}main.tf`;
    const slow = [{ name: 'd/x', content: '' }, ...Array.from({ length: 3000 }, (_, index): SampleTarMember => ({ name: `l${index}`, type: 'symlink', linkname: far }))];

    expect(await refusal(await tarballOf([MAIN, ...layers, { name: 'd40/x', content: '' }]))).toMatch(/^too-large /);
    expect(await refusal(await tarballOf([MAIN, ...circle]))).toMatch(/leads in a circle/);
    expect(await refusal(await tarballOf([MAIN, ...slow]))).toMatch(/leads in a circle/);
  });

  it('strips the directory that git servers wrap around', async () => {
    const members: SampleTarMember[] = [{ name: 'repo-0123/', type: 'directory' }, { ...MAIN, name: 'repo-0123/main.tf' }, { name: 'repo-0123/x/y', content: '' }];

    expect(await namesIn(await normalized(await tarballOf(members), WRAPPED))).toEqual(['main.tf', 'x/y']);
    expect(await refusal(await tarballOf([...members, { name: 'other', content: '' }]), WRAPPED)).toMatch(/^unprocessable .*not wrapped in exactly one directory/);
    expect(await refusal(await tarballOf([MAIN]), WRAPPED)).toMatch(/not wrapped/);
    expect(await refusal(await tarballOf(members))).toMatch(/^unprocessable .*lies in the directory repo-0123\/ of it, and must be at the top: .*tar -C repo-0123\/ -czf/);
  });

  it('shows one directory of it, and keeps the others that it may need', async () => {
    const members: SampleTarMember[] = [
      { name: 'w/README.md', content: 'top' },
      { name: 'w/shared.tf', content: 'variable "shared" {}' },
      { name: 'w/deep/one/main.tf', content: 'variable "one" {}' },
      { name: 'w/deep/one/shared.tf', type: 'symlink', linkname: '../../shared.tf' },
      { name: 'w/deep/two/bad.tf', type: 'symlink', linkname: '/etc/passwd' },
    ];
    const tarball = await tarballOf(members);

    const module = await normalized(tarball, { ...WRAPPED, subdirectory: 'deep/one/' });

    expect(await namesIn(module)).toEqual(['README.md', 'deep/one/main.tf', 'deep/one/shared.tf', 'shared.tf']);
    expect([module.subdirectory, module.root.readme, module.root.inputs.map(({ name }) => name)]).toEqual(['deep/one', '', ['one', 'shared']]);
    expect(module.warnings).toEqual([expect.stringContaining('deep/two/bad.tf')]);
    expect(await refusal(tarball, { ...WRAPPED, subdirectory: 'deep/two' })).toMatch(/^unprocessable .*has no directory deep\/two/);
    expect(await refusal(tarball, { ...WRAPPED, subdirectory: 'deep/three' })).toMatch(/^unprocessable .*has no directory deep\/three/);
    expect(await refusal(tarball, { ...WRAPPED, subdirectory: 'shared.tf' })).toMatch(/has no directory shared\.tf/);
    expect(await refusal(tarball, { ...WRAPPED, subdirectory: '../w' })).toMatch(/leads out/);
    expect(await namesIn(await normalized(await tarballOf([MAIN]), { ...PLAIN, subdirectory: '.' }))).toEqual(['main.tf']);
  });

  it('takes a module that is only in directories below modules', async () => {
    const module = await normalized(await tarballOf([{ name: 'modules/vpc/main.tofu', content: 'output "o" {}' }, { name: 'README.md', content: '# all' }]));

    expect(module.root).toMatchObject({ path: '', readme: '# all', outputs: [] });
    expect(module.submodules.map(({ path, outputs }) => [path, outputs])).toEqual([['modules/vpc', [{ name: 'o', description: '', sensitive: false }]]]);
  });

  it.each(['main.tf', 'main.tofu', 'main.tf.json', 'main.tofu.json', 'modules/x/a.tf'])('takes a module of %s alone', async (name) => {
    expect(await namesIn(await normalized(zipOf([{ name, content: '{}' }])))).toEqual([name]);
  });

  it.each<[string, () => Buffer | Promise<Buffer>, RegExp]>([
    ['nothing', () => Buffer.alloc(0), /it is empty: pack the module as a zip or a tar\.gz/],
    ['a text', () => Buffer.from('<html>not found</html>'), /neither a zip nor a tar\.gz: pack/],
    ['a plain tar', () => tarOf([MAIN]), /a tar that is not compressed \(compress it with gzip\)/],
    ['tar.xz', () => Buffer.from('fd377a585a000004', 'hex'), /compressed with xz \(tar\.xz\): pack the module as a zip or a tar\.gz/],
    ['tar.bz2', () => Buffer.from('BZh91AY&SY'), /compressed with bzip2 \(tar\.bz2\)/],
    ['tar.zst', () => Buffer.from('28b52ffd00', 'hex'), /compressed with zstd/],
    ['rar', () => Buffer.from('Rar!\x1a\x07\x01\0', 'latin1'), /a rar archive/],
    ['7z', () => Buffer.from('377abcaf271c0004', 'hex'), /a 7z archive/],
    ['a gzip of something else', () => gzipSync(Buffer.alloc(5000, 'x')), /it is damaged/],
    ['a gzip of nothing', () => gzipSync(''), /it holds no files/],
    ['a zip of nothing', () => zipOf([]), /it holds no files/],
    ['only what is dropped', () => zipOf([{ name: '.git/a' }]), /it holds no files/],
    ['no configuration', () => zipOf([{ name: 'README.md' }, { name: 'examples/x/main.tf' }]), /it holds no module: there is no \.tf, .* \(it holds README\.md\)/],
    ['configuration that is deeper', () => zipOf([{ name: 'modules/a/b/main.tf' }]), /it holds no module/],
    ['a tarball that breaks off', async () => (await tarballOf([MAIN])).subarray(0, -20), /it is damaged/],
    ['a tar that breaks off', async () => gzipSync((await tarOf([{ ...MAIN, content: 'x'.repeat(5000) }])).subarray(0, 4000)), /it is damaged/],
    ['a tar with a damaged header', async () => gzipSync((await tarOf([MAIN])).fill(1, 20, 30)), /it is damaged/],
    ['a zip that breaks off', () => zipOf([MAIN]).subarray(0, -5), /it is damaged/],
    ['a zip with a wrong checksum', () => zipOf([{ ...MAIN, declared: { crc: 1 } }]), /main\.tf is damaged/],
    ['a zip with a password', () => zipOf([{ ...MAIN, declared: { flags: 1 } }]), /main\.tf is encrypted/],
    ['a name that climbs out', () => tarballOf([MAIN, { name: '../evil' }]), /\.\.\/evil leads out of the archive: pack the module from within/],
    ['a name that climbs out in the middle', () => zipOf([MAIN, { name: 'a/../../evil' }]), /leads out of the archive/],
    ['a name that climbs out on Windows', () => zipOf([MAIN, { name: 'a\\..\\..\\evil' }]), /leads out of the archive/],
    ['an absolute name', () => tarballOf([MAIN, { name: '/etc/evil' }]), /\/etc\/evil has an absolute path/],
    ['a drive', () => zipOf([MAIN, { name: 'C:/evil' }]), /absolute path/],
    ['a backslash in a tar', () => tarballOf([MAIN, { name: 'a\\b' }]), /a backslash/],
    ['a line feed in a name', () => tarballOf([MAIN, { name: 'a\nb' }]), /is not plain UTF-8/],
    ['a NUL in a name', () => zipOf([MAIN, { name: 'a\0b' }]), /is not plain UTF-8/],
    ['a long name', () => tarballOf([MAIN, { name: 'x'.repeat(5000) }]), /longer than the 4096 bytes/],
    ['a deep name', () => tarballOf([MAIN, { name: 'x/'.repeat(150) + 'x' }]), /in more than 100 directories/],
    ['a hard link', () => tarballOf([MAIN, { name: 'a.tf', type: 'link', linkname: 'main.tf' }]), /a\.tf is a hard link: pack with tar --hard-dereference/],
    ['a pipe', () => tarballOf([MAIN, { name: 'a', type: 'fifo' }]), /neither a file nor a directory/],
    ['a device', () => tarballOf([MAIN, { name: 'a', type: 'character-device' }]), /neither a file nor a directory/],
    ['a device in a zip', () => zipOf([MAIN, { name: 'a', mode: 0o020644 }]), /neither a file nor a directory/],
    ['a name twice', () => tarballOf([MAIN, MAIN]), /holds main\.tf twice/],
    ['a name twice, spelled otherwise', () => zipOf([MAIN, { name: './main.tf' }]), /holds main\.tf twice/],
    ['a file that is a directory too', () => zipOf([MAIN, { name: 'a' }, { name: 'a/b' }]), /a\/b below what is no directory/],
    ['a directory that is a file too', () => zipOf([MAIN, { name: 'a/b' }, { name: 'a' }]), /both as a file and as a directory/],
    ['a file below a link', () => tarballOf([MAIN, { name: 'a', type: 'symlink', linkname: '.' }, { name: 'a/b', content: '' }]), /below what is no directory/],
    ['a link with a huge target', () => zipOf([MAIN, { name: 'a', content: 'x'.repeat(5000), mode: LINK }]), /a target of 5000 bytes/],
  ])('refuses %s', async (_case, make, expected) => {
    const outcome = await refusal(await make());

    expect(outcome).toMatch(/^unprocessable The module's archive cannot be taken: /);
    expect(outcome).toMatch(expected);
  });

  it.each<[string, () => Buffer | Promise<Buffer>]>([
    ['too many bytes in a zip', () => zipOf([MAIN, { name: 'big', content: Buffer.alloc(2_000_000) }])],
    ['too many bytes in a tar', () => tarballOf([MAIN, { name: 'big', content: Buffer.alloc(2_000_000) }])],
    ['too many bytes of what is dropped', () => tarballOf([MAIN, { name: '.terraform/big', content: Buffer.alloc(2_000_000) }])],
    ['too many bytes by what a zip says', () => zipOf([MAIN, { name: 'big', content: 'x', declared: { size: 4e9 } }])],
    ['too many bytes by links', () => tarballOf([MAIN, { name: 'big', content: Buffer.alloc(400_000) }, ...Array.from({ length: 3 }, (_, index): SampleTarMember => ({ name: `l${index}`, type: 'symlink', linkname: 'big' }))])],
    ['too many files', () => zipOf(Array.from({ length: 101 }, (_, index) => ({ name: `${index}.tf` })))],
    ['too many files in a tar', () => tarballOf(Array.from({ length: 101 }, (_, index) => ({ name: `${index}.tf` })))],
    ['too many directories', () => tarballOf([MAIN, ...Array.from({ length: 3 }, (_, index) => ({ name: `${index}/${'x/'.repeat(40)}`, type: 'directory' as const }))])],
  ])('refuses %s', async (_case, make) => {
    const outcome = await refusal(await make(), { ...PLAIN, limits: { bytes: 1_000_000, files: 100 } });

    expect(outcome).toMatch(/^too-large The module unpacks to more than the 1000000 bytes, or more than the 100 files, links and directories/);
  });

  it('warns of what is one file elsewhere, and of states', async () => {
    const { warnings } = await normalized(await tarballOf([MAIN, { name: 'README.md' }, { name: 'readme.md' }, { name: 'env/terraform.tfstate' }, { name: 'a.tfstate.backup' }]));

    expect(warnings).toEqual([
      'README.md and readme.md are one file on Windows and macOS.',
      expect.stringMatching(/^a\.tfstate\.backup is a state, which often holds secrets/),
      expect.stringMatching(/^env\/terraform\.tfstate is a state/),
    ]);
  });

  it('reads backslashes of a zip as slashes, and names of before UTF-8', async () => {
    const module = await normalized(zipOf([MAIN, { name: 'modules\\x\\main.tf', content: '', host: 0 }, { name: Buffer.from([0x81, 0x2e, 0x6d, 0x64]), declared: { flags: 0 } }]));

    expect(await namesIn(module)).toEqual(['main.tf', 'modules/x/main.tf', 'ü.md']);
  });

  it('reads tars with long names and comments', async () => {
    const name = `${'directory/'.repeat(30)}${'n'.repeat(80)}ü.txt`;

    expect(await namesIn(await normalized(await tarballOf([{ name, content: 'x' }, MAIN])))).toEqual([name, 'main.tf']);
  });

  it('fails in no other way of an archive that was changed', async () => {
    const samples = [zipOf([MAIN, { name: 'x/link', content: '../main.tf', mode: LINK }]), gzipSync(await tarOf([MAIN, { name: 'l', type: 'symlink', linkname: 'main.tf' }]), { level: 0 })];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...samples), fc.nat(), fc.integer({ min: 1, max: 255 }), async (sample, place, add) => {
        const changed = Buffer.from(sample);
        const at = place % changed.length;
        changed.writeUInt8((changed.readUInt8(at) + add) % 256, at);
        const outcome = normalized(changed).then(({ h1 }) => h1);
        expect(await outcome.catch(() => failureOf(outcome))).toMatch(/^(?:h1:|unprocessable |too-large )/);
      }),
      { numRuns: 150 },
    );
    expect(await directory.openFiles()).toBe(0);
  });

  it('is another one where other files may be executed', async () => {
    const archive = async (mode: number): Promise<NormalizedModule> => normalized(await tarballOf([MAIN, { name: 'run.sh', content: '#!/bin/sh', mode }]));
    const [plain, program, same] = [await archive(0o644), await archive(0o755), await archive(0o711)];

    expect(program.h1).toBe(plain.h1);
    expect([plain.identity, same.identity]).toEqual([plain.h1, program.identity]);
    expect(program.identity).toMatch(/^h1:\S+ x:[0-9a-f]{64}$/);
  });

  it('stops when it is aborted, and leaves nothing behind', async () => {
    const tarball = await tarballOf([MAIN, { name: 'big', content: Buffer.alloc(30_000_000) }]);

    expect(await refusal(tarball, { ...PLAIN, signal: AbortSignal.abort() })).toMatch(/^aborted /);
    expect(await refusal(tarball, { ...PLAIN, signal: AbortSignal.timeout(10) })).toMatch(/^aborted /);
    expect(await refusal(zipOf([MAIN]), { ...PLAIN, signal: AbortSignal.abort() })).toMatch(/^aborted /);
  });

  it('says that it is the disk where it is the disk', async () => {
    expect(await failureOf(normalizeModule(directory.fresh(), { ...PLAIN, target: directory.fresh() }))).toMatch(/^storage-unavailable /);
    expect(await failureOf(normalizeModule(await directory.file(zipOf([MAIN])), { ...PLAIN, target: `${directory.path}/none/x` }))).toMatch(/^storage-unavailable /);
  });
});
