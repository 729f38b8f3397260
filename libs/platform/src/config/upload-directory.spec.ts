import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { temporaryDirectory } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { makeUploadDirectory } from './upload-directory.ts';

let dataDir: string;

beforeEach(async () => {
  dataDir = await temporaryDirectory('uploads');
});
afterEach(async () => rm(dataDir, { recursive: true, force: true }));

it('makes a directory for uploads and removes what killed processes left', async () => {
  const parent = join(dataDir, 'uploads', 'alpha');
  const leftovers = [`${2 ** 22 + 1}-0123456789abcdef`, `${process.pid}-0123456789abcdef`];
  for (const name of [...leftovers, '1-0123456789abcdef', 'somebody-elses']) {
    await mkdir(join(parent, name), { recursive: true });
  }
  const config = { publish: true, admin: false, dataDir };

  const made = [await makeUploadDirectory(config, 'alpha'), await makeUploadDirectory(config, 'alpha')];

  expect((await readdir(parent)).sort()).toEqual([...made.map((path) => basename(path ?? '')), '1-0123456789abcdef', 'somebody-elses'].sort());
});

it.each([{ publish: false, admin: false }, { publish: true, admin: true }])('makes none where nothing can be published: %j', async (kind) => {
  expect(await makeUploadDirectory({ ...kind, dataDir }, 'alpha')).toBeNull();
  expect(await readdir(dataDir)).toEqual([]);
});

it('names the variable of a directory that cannot be written', async () => {
  await writeFile(join(dataDir, 'uploads'), '');

  await expect(makeUploadDirectory({ publish: true, admin: false, dataDir }, 'alpha')).rejects.toMatchObject({ code: 'config', message: expect.stringContaining('DATA_DIR') as string });
});
