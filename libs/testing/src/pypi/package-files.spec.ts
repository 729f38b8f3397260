import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { runCommand } from '../command.ts';
import { temporaryDirectory } from '../process.ts';
import { bigWheel } from './big-wheel.ts';
import { sdistFile } from './sdist-file.ts';
import { wheelFile } from './wheel-file.ts';

const READ = `
import base64, csv, hashlib, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
assert archive.testzip() is None
names = archive.namelist()
record = [name for name in names if name.endswith('.dist-info/RECORD')][0]
rows = list(csv.reader(archive.read(record).decode().splitlines()))
assert sorted(names) == sorted(row[0] for row in rows), rows
for path, digest, size in rows:
    if digest:
        content = archive.read(path)
        want = 'sha256=' + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip('=')
        assert want == digest and len(content) == int(size), path
print(archive.read([name for name in names if name.endswith('/METADATA')][0]).decode())
`;

describe('the package files that tests make', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await temporaryDirectory('package-files');
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const python = (...parameters: readonly string[]) => runCommand('python3', parameters, { cwd: directory });

  it.each(['stored', 'deflated'] as const)('makes %s wheels that Python reads, the same at every call', async (method) => {
    const options = { name: 'Some.Thing', version: '1.0', requires: ['other>=1'], requiresPython: '>=3.8', padding: 3000, method };
    const wheel = wheelFile(options);
    await writeFile(join(directory, wheel.filename), wheel.bytes);

    const read = await python('-c', READ, wheel.filename);

    expect(read.code, read.output).toBe(0);
    expect(read.stdout.trim()).toBe(wheel.metadata.toString().trim());
    expect(wheel.filename).toBe('some_thing-1.0-py3-none-any.whl');
    expect(wheelFile(options).sha256).toBe(wheel.sha256);
  });

  it('makes big wheels with zip64 records whose digest and size are as said', async () => {
    const big = await bigWheel({ directory, bytes: 5 * 1024 * 1024 + 17, requires: ['other'] });
    const hash = createHash('sha256');
    for await (const piece of createReadStream(big.path)) {
      hash.update(piece as Buffer);
    }

    const read = await python('-c', READ, big.path);

    expect(read.code, read.output).toBe(0);
    expect(read.stdout).toContain('Requires-Dist: other');
    expect((await stat(big.path)).size).toBe(big.size);
    expect(hash.digest('hex')).toBe(big.sha256);
  });

  it('makes files that pip installs without an index', async () => {
    const wheel = wheelFile({ name: 'leaf', version: '1.0' });
    const sdist = sdistFile({ name: 'Tree.House', version: '2.0', requires: ['leaf'] });
    const big = await bigWheel({ directory, bytes: 100_000 });
    await writeFile(join(directory, wheel.filename), wheel.bytes);
    await writeFile(join(directory, sdist.filename), sdist.bytes);

    const target = join(directory, 'installed');
    const installed = await python('-m', 'pip', 'install', '--no-index', '--no-cache-dir', '--find-links', directory, '--target', target, sdist.filename, big.path);
    const imported = await runCommand('python3', ['-c', 'import tree_house, leaf, big; print(tree_house.VERSION, leaf.VERSION)'], {
      cwd: directory,
      environment: { PYTHONPATH: target },
    });

    expect(installed.code, installed.output).toBe(0);
    expect(imported.stdout.trim(), imported.output).toBe('2.0 1.0');
  });
});
