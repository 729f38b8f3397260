import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, describe, expect, it } from 'vitest';

import { layoutFailure } from './failure.ts';

function failed(code: string, syscall: string): Error {
  return Object.assign(new Error(`${code}: no, ${syscall} '/secret'`), { code, syscall });
}

describe('layoutFailure', () => {
  it.each([
    ['a read-only mount', 'write blob x in repository a', 'EROFS', 'open', 'storage-read-only', /mounted read-only; mount it writable/],
    ['a full disk', 'write blob x in repository a', 'ENOSPC', 'write', 'storage-read-only', /the disk is full; free some space/],
    ['a quota', 'create tag x in repository a', 'EDQUOT', 'write', 'storage-read-only', /quota/],
    ['a directory of another user, written by', 'write manifest x in repository a', 'EACCES', 'mkdir', 'storage-read-only', /Check its owner, mode and mount/],
    ['a file that may not be made', 'create tag x in repository a', 'EACCES', 'open', 'storage-read-only', /Check its owner, mode and mount/],
    ['a file that may not be read', 'read manifest x in repository a', 'EACCES', 'open', 'storage-denied', /Check its owner, mode and mount/],
    ['a directory that may not be looked into', 'write blob x in repository a', 'EACCES', 'stat', 'storage-denied', /Check its owner, mode and mount/],
    ['a broken disk', 'read manifest x in repository a', 'EIO', 'read', 'storage-unavailable', /EIO/],
  ])('says of %s what is to be done', (_what, operation, code, syscall, expected, text) => {
    const failure = layoutFailure(failed(code, syscall), operation);

    expect(failure).toMatchObject({ code: expected, message: expect.stringMatching(text) as string });
    expect(failure.message).toContain(operation);
    expect(failure.message).not.toContain('/secret');
  });
});

describe('a failure of the file system itself', () => {
  let directory = '';

  afterEach(async () => rm(directory, { recursive: true, force: true }));

  it('says which call failed, as the table supposes', async () => {
    directory = await mkdtemp(join(tmpdir(), 'layout-failure-'));

    const missing = await writeFile(join(directory, 'nowhere', 'x'), 'x').catch((error: unknown) => error);

    expect(missing).toMatchObject({ code: 'ENOENT', syscall: 'open' });
  });
});
