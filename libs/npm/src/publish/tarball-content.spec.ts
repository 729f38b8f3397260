import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateRawSync, gzipSync } from 'node:zlib';

import { packageTarball, temporaryDirectory } from '@oci-package-proxy/testing';
import { Header, Pax } from 'tar';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { readTarball } from './tarball-content.ts';

const UNPACKED_BYTES = 2 ** 20;

let directory: string;

beforeAll(async () => {
  directory = await temporaryDirectory('tarball-content');
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function read(bytes: Buffer): ReturnType<typeof readTarball> {
  const path = join(directory, 'tarball');
  await writeFile(path, bytes);
  return readTarball(path, { unpackedBytes: UNPACKED_BYTES });
}

function entry(path: string, content: Buffer | string, type: 'File' | 'Directory' | 'SymbolicLink' = 'File'): Buffer {
  const body = Buffer.from(content);
  const header = Buffer.alloc(512);
  new Header({ path, type, size: body.length, mode: 0o644, ...(type === 'SymbolicLink' ? { linkpath: 'x' } : {}) }).encode(header, 0);
  return Buffer.concat([header, body, Buffer.alloc((512 - (body.length % 512)) % 512)]);
}

function archive(...entries: Buffer[]): Buffer {
  return gzipSync(Buffer.concat([...entries, Buffer.alloc(1024)]));
}

describe('readTarball', () => {
  it('counts files and finds every package.json that a client would unpack as one', async () => {
    const long = `package/${'d/'.repeat(80)}file.js`;

    const content = await read(
      archive(
        entry('package/', '', 'Directory'),
        entry('package/package.json', '{"name":"a"}'),
        entry('package/lib/package.json', '{"name":"inner"}'),
        entry('package/npm-shrinkwrap.json', '{}'),
        entry('package/link', '', 'SymbolicLink'),
        new Pax({ path: long, size: 3 }).encode(),
        entry('package/short', 'abc'),
        entry('other/package.json', '{"name":"b"}'),
      ),
    );

    expect(content).toEqual({ fileCount: 5, unpackedSize: 12 + 16 + 2 + 3 + 12, manifests: ['{"name":"a"}', '{"name":"b"}'], hasShrinkwrap: true });
  });

  it('sees the path that a pax header gives', async () => {
    const content = await read(archive(new Pax({ path: 'package/package.json' }).encode(), entry('package/readme', '{}')));

    expect(content.manifests).toEqual(['{}']);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['no gzip', Buffer.from('hello')],
    ['gzip of no tar', gzipSync(randomBytes(5000))],
    ['an empty gzip', gzipSync('')],
    ['an archive of nothing', gzipSync(Buffer.alloc(1024))],
    ['a tarball that breaks off', packageTarball({ name: 'a', version: '1.0.0' }, 100_000).subarray(0, -20_000)],
    ['a tarball without the end of its gzip', packageTarball({ name: 'a', version: '1.0.0' }).subarray(0, -4)],
    ['an archive that breaks off in a file', gzipSync(entry('package/package.json', 'x'.repeat(2000)).subarray(0, 1536))],
    ['a header whose checksum is wrong', gzipSync(Buffer.concat([entry('package/package.json', '{}').fill(1, 0, 3), Buffer.alloc(1024)]))],
    ['a tarball that is compressed twice', gzipSync(packageTarball({ name: 'a', version: '1.0.0' }))],
    ['raw deflate', deflateRawSync('x')],
  ])('refuses %s', async (_label, bytes) => {
    await expect(read(bytes)).rejects.toMatchObject({ name: 'ProxyError', code: 'unprocessable' });
  });

  it.each([
    ['one large file', archive(entry('package/package.json', '{}'), entry('package/zeros', Buffer.alloc(2 * UNPACKED_BYTES)))],
    ['zeros after the end of the archive', gzipSync(Buffer.concat([entry('package/package.json', '{}'), Buffer.alloc(2 * UNPACKED_BYTES)]))],
    ['many small files', archive(...Array.from({ length: 3000 }, (_, index) => entry(`package/${index}`, '')))],
    ['many package.json', archive(...Array.from({ length: 30 }, (_, index) => entry(`${index}/package.json`, '{}')))],
  ])('refuses a bomb of %s', async (_label, bytes) => {
    await expect(read(bytes)).rejects.toMatchObject({ name: 'ProxyError', code: 'too-large' });
  });
});
