import { chmod, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { runCommand, temporaryDirectory } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { keptValue } from './kept-value.ts';

describe('keptValue', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await temporaryDirectory('kept');
  });
  afterEach(async () => rm(directory, { recursive: true, force: true }));

  it('is made once by several processes', async () => {
    const url = pathToFileURL(join(import.meta.dirname, 'kept-value.ts')).href;
    const code = `import { keptValue } from ${JSON.stringify(url)}; console.log(JSON.stringify(await keptValue(${JSON.stringify(join(directory, 'data'))}, 'secret', () => String(process.pid))));`;

    const runs = await Promise.all(Array.from({ length: 4 }, async () => runCommand(process.execPath, ['--conditions=@oci-package-proxy/source', '--input-type=module', '-e', code], { cwd: directory })));
    const kept = runs.map(({ stdout }) => JSON.parse(stdout) as { value: string; isNew: boolean });

    expect(new Set(kept.map(({ value }) => value)).size).toBe(1);
    expect(kept.filter(({ isNew }) => isNew)).toHaveLength(1);
    expect(await readdir(join(directory, 'data'))).toEqual(['secret']);
  });

  it('asks for no new one where one is kept', async () => {
    await writeFile(join(directory, 'secret'), 'kept\n');

    expect(await keptValue(directory, 'secret', () => 'made')).toEqual({ value: 'kept', isNew: false });
  });

  it('keeps nothing when it cannot be made', async () => {
    await expect(keptValue(directory, 'secret', async () => Promise.reject(new Error('no entropy')))).rejects.toThrow('no entropy');

    expect(await readdir(directory)).toEqual([]);
  });

  it.each(['../secret', 'Secret', '', 'a/b'])('refuses the name %j', async (name) => {
    await expect(keptValue(directory, name, () => 'made')).rejects.toThrow(TypeError);
  });

  it('says that the directory is at fault', async () => {
    const plain = join(directory, 'plain');
    await writeFile(plain, '');
    await chmod(plain, 0o600);

    await expect(keptValue(plain, 'secret', () => 'made')).rejects.toMatchObject({ code: 'config', message: expect.stringContaining('DATA_DIR') });
  });
});
