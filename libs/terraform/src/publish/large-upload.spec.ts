import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { temporaryDirectory } from '@oci-package-proxy/testing';
import { expect, it } from 'vitest';

it('publishes an archive of 300 MiB by a form, and half of one by several requests, with little of it in memory', async () => {
  const directory = await temporaryDirectory('large-upload');
  try {
    await mkdir(join(directory, 'uploads'));
    const child = fork(new URL('./large-upload.contract.ts', import.meta.url), [directory], { execArgv: ['--conditions=@oci-package-proxy/source'], stdio: 'inherit' });
    const exit = once(child, 'exit');

    const [report] = (await Promise.race([once(child, 'message'), exit])) as [{ grown: number; outcomes: readonly string[] }];
    await exit;

    expect(report.outcomes).toEqual(['created', 'created']);
    expect(report.grown).toBeLessThan(96 * 2 ** 20);
    expect(await readdir(join(directory, 'uploads'))).toEqual([]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}, 180_000);
