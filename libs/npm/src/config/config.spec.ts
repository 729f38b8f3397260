import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { temporaryDirectory } from '@oci-package-proxy/testing';
import { expect, it } from 'vitest';

import { NPM_VARIABLES } from './npm-variables.ts';
import { makeUploadDirectory } from './upload-directory.ts';

it.each([
  ['off', 'off'],
  ['https://registry.example.com/', 'https://registry.example.com'],
  ['http://registry.example.com/npm/', 'http://registry.example.com/npm'],
])('NPM_UPSTREAM_URL=%s is %s', (text, value) => {
  expect(NPM_VARIABLES.NPM_UPSTREAM_URL.parse(text)).toBe(value);
});

it.each(['registry.example.com', 'ftp://registry.example.com', 'https://user:secret@registry.example.com', 'https://registry.example.com/?x=1'])('NPM_UPSTREAM_URL=%s is refused', (text) => {
  expect(NPM_VARIABLES.NPM_UPSTREAM_URL.safeParse(text).success).toBe(false);
});

it('makes a directory for uploads and removes what killed processes left', async () => {
  const dataDir = await temporaryDirectory('uploads');
  const leftovers = [`uploads-${2 ** 22 + 1}-0123456789abcdef`, `uploads-${process.pid}-0123456789abcdef`];
  for (const name of [...leftovers, 'uploads-1-0123456789abcdef', 'somebody-elses']) {
    await mkdir(join(dataDir, 'uploads', name), { recursive: true });
  }

  const [one, two] = [await makeUploadDirectory(dataDir), await makeUploadDirectory(dataDir)];
  const left = await readdir(join(dataDir, 'uploads'));
  await rm(dataDir, { recursive: true });

  expect(left.map((name) => join(dataDir, 'uploads', name))).toEqual(expect.arrayContaining([one, two]));
  expect(left).toEqual(expect.arrayContaining(['somebody-elses', 'uploads-1-0123456789abcdef']));
  expect(left).not.toEqual(expect.arrayContaining([leftovers[0]]));
  expect(left).not.toEqual(expect.arrayContaining([leftovers[1]]));
});
