import { fork } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';

import { temporaryDirectory } from '@oci-package-proxy/testing';
import { expect, it } from 'vitest';

it('holds little of large archives in memory', async () => {
  const directory = await temporaryDirectory('terraform-large');
  const child = fork(new URL('./large-archives.contract.ts', import.meta.url), [directory], { execArgv: ['--conditions=@oci-package-proxy/source'], stdio: 'inherit' });
  const exit = once(child, 'exit');

  const [report] = (await Promise.race([once(child, 'message'), exit])) as [{ size: number; grown: { provider: number; module: number } }];
  await exit;
  await rm(directory, { recursive: true, force: true });

  expect(report.size).toBeGreaterThan(300 * 2 ** 20);
  expect(report.grown.provider).toBeLessThan(80 * 2 ** 20);
  expect(report.grown.module).toBeLessThan(80 * 2 ** 20);
}, 180_000);
